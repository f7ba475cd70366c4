"""When and where a recording was made, from the name of its file."""

import pytest

from dawnchorus.formats.recording_times import site_of, start_of, time_text

HALF_PAST_FIVE = "2024-05-01T05:30:00"


@pytest.mark.parametrize(
    ("file", "start", "site"),
    [
        ("20240501_053000.WAV", HALF_PAST_FIVE, ""),
        ("wood/20240501_053000T.WAV", HALF_PAST_FIVE, "wood"),
        ("wood\\SMU-1_20240501_053000.wav", HALF_PAST_FIVE, "SMU-1"),
        ("S4A04895_20240501_053000.flac", HALF_PAST_FIVE, "S4A04895"),
        ("2024-05-01T05-30-00.flac", HALF_PAST_FIVE, ""),
        ("./a/2024-05-01T05:30:00", HALF_PAST_FIVE, "a"),
        ("pond 2024-05-01 05-30-00.ogg", HALF_PAST_FIVE, "pond"),
        ("20240501T053000Z.wav", f"{HALF_PAST_FIVE}+00:00", ""),
        ("x_20240501_053000+0200.wav", f"{HALF_PAST_FIVE}+02:00", "x"),
        ("x_20240501_053000-07:30.wav", f"{HALF_PAST_FIVE}-07:30", "x"),
        # 1,558,225,328 s after 1970: `date -u -d @1558225328`
        ("5CE0A1B0.WAV", "2019-05-19T00:22:08+00:00", ""),
        ("m/5CE0A1B0.flac", "2019-05-19T00:22:08+00:00", "m"),
        # an id rather than a time, a check sum, years before and after
        ("61234567.wav", None, ""),
        ("5ce0a1b0.wav", None, ""),
        ("20240501.wav", None, ""),
        ("DEADBEEF.WAV", None, ""),
        ("00000001.WAV", None, ""),
        # no date
        ("20241301_053000.WAV", None, ""),
        ("20240501_253000.WAV", None, ""),
        ("20240501_053000+9900.WAV", None, ""),
        ("120240501_053000.WAV", None, ""),
        ("20240501_053000_cut2.wav", None, ""),
        ("2024-0501_053000.wav", None, ""),
        ("field/XC1.mp3", None, "field"),
        ("", None, ""),
    ],
)
def test_names_of_recorders(file, start, site):
    found = start_of(file)
    assert (found and found.isoformat()) == start
    assert site_of(file) == site


def test_time_of_an_onset():
    assert time_text(None, 1.0) is None
    assert time_text(start_of("20231231_235959.WAV"), 1.5) == "2024-01-01T00:00:00.500"
    assert time_text(start_of("5CE0A1B0.WAV"), 0) == "2019-05-19T00:22:08.000+00:00"
