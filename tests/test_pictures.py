"""Pictures: what is where on them, which segments are drawn, and equal bytes."""

import csv
import struct

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from target_rows import write_targets

from dawnchorus.audio import shard_wav
from dawnchorus.formats.event import Event
from dawnchorus.frontends import shard_reader, shards
from dawnchorus.plots import canvas, png, recording_plot, segment_plot
from dawnchorus.runtime import artefacts
from dawnchorus.segments import window_source

RATE = 8000  # Hz
TONES = {"a/low": (250.0, ["low"]), "b-high": (3300.0, ["high"]), ".c": (250.0, ["low", "high"])}
MEL = {
    "kind": "log_mel", "audio": "tiny", "sample_rate": RATE, "n_fft": 256, "frames_per_second": 70,
    "n_mels": 20, "fmin": 50.0, "fmax": 3900.0, "floor": 1e-10, "denoise": "none",
    "band_attenuation": "none", "edge_offset": 0.0, "cut_edge_frames": 0, "trim_stddevs": 0.0,
    "trim_ignore": 4,
}  # fmt: skip
CHUNKS = {
    "kind": "mel_chunks", "audio": "tiny", "sample_rate": RATE, "length_s": 0.5, "overlap_s": 0.0,
    "min_length_s": 0.5, "last": "drop", "padding": "zeros", "n_bands": 20, "n_frames": 40,
    "n_fft": 512, "fmin": 100.0, "fmax": 3900.0, "pre_emphasis": 0.0, "power": 1.0, "top_db": 80.0,
    "scale": "min_max", "flip": True, "store": "uint8",
}  # fmt: skip
SEGMENTS = {
    "kind": "chunks", "factor": 1.5, "expand": True, "drop_columns": 0.95, "filtered": True,
    "min_score": 0.0, "max_score": 1.0, "exempt": [], "min_length_s": 0.0, "too_short": "longest",
    "max_per_class": None, "max_per_recording": None, "noise_share": 0.1, "rescale": False,
    "zero_centre": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Three recordings of 1.6 s, a low or a high tone in noise, as shards by kind, and targets."""
    folder = tmp_path_factory.mktemp("stage")
    rng = np.random.default_rng(1)
    n_samples = int(1.6 * RATE)
    time_s = np.arange(n_samples) / RATE
    waveforms = [
        0.3 * np.sin(2 * np.pi * tone * time_s) + 0.01 * rng.standard_normal(n_samples)
        for tone, _ in TONES.values()
    ]
    samples = np.concatenate(waveforms).astype("<f4")
    (folder / "000.wav").write_bytes(shard_wav.header(len(samples), RATE) + samples.tobytes())
    columns = ("id", "verdict", "detail", "channels", "first_sample", "n_samples", "duration_s",
               "source_rate", "warnings")  # fmt: skip
    rows = [
        (name, "used", "", 1, number * n_samples, n_samples, 1.6, RATE, "")
        for number, name in enumerate(TONES)
    ]
    with open(folder / "000.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
    for kind, settings in {
        "chunks": CHUNKS, "unflipped": CHUNKS | {"flip": False}, "windows": MEL,
    }.items():  # fmt: skip
        shards.write_shard(folder / "000.wav", folder / "000.csv", settings, folder / f"{kind}.h5")
    classes = ["high", "low", "silent"]
    write_targets(
        folder / "targets.parquet",
        classes,
        [
            ("tiny", name, 1, 0, *(int(one in shown) for one in classes))
            for name, (_, shown) in TONES.items()
        ],
    )
    return folder


def drawn(stage, kind, monkeypatch, per_class=8):
    """What a stage's contact sheet is given."""
    told = {}
    monkeypatch.setattr(segment_plot, "contact_sheet", lambda groups, *_: told.update(groups))
    segment_plot.draw_segments(*of(stage, kind), stage / "unwritten.png", per_class)
    return told


def of(stage, kind):
    chosen = SEGMENTS | {"kind": "windows" if kind == "windows" else "chunks"}
    return {"tiny": [stage / f"{kind}.h5"]}, stage / "targets.parquet", chosen, 40


def read(path):
    """The grey values of a PNG."""
    return np.round(matplotlib.image.imread(path) * 255).astype(np.uint8)


def half(image):
    """Which half of a picture is brighter."""
    middle = len(image) // 2
    return "top" if image[:middle].mean() > image[middle:].mean() else "bottom"


# files


def test_a_picture_is_read_as_it_was_written(tmp_path, rng):
    image = rng.integers(0, 256, (37, 23), np.uint8)
    png.write(tmp_path / "one.png", image.shape, [image])
    png.write(tmp_path / "bands.png", image.shape, np.split(image, [1, 20]))
    for name in ("one", "bands"):
        png.check(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(read(tmp_path / f"{name}.png"), image)


def test_a_file_that_was_cut_is_refused(tmp_path):
    path = tmp_path / "cut.png"
    png.write(path, (5, 5), [np.zeros((5, 5), np.uint8)])
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(OSError, match=r"cut\.png reads back"):
        png.check(path)


def test_a_picture_holds_nothing_but_the_picture(tmp_path):
    segment_plot.contact_sheet({"a": []}, tmp_path / "sheet.png")
    content, kinds, at = (tmp_path / "sheet.png").read_bytes(), [], 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kinds.append(content[at + 4 : at + 8])
        at += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}


# thumbnails


def test_a_thumbnail_is_the_means_of_blocks(rng):
    image = rng.integers(0, 256, (192, 480), np.uint8)
    small = png.thumbnail(image)
    assert small.shape == png.THUMBNAIL
    for row, column in ((0, 0), (50, 3), (95, 159)):
        block = image[2 * row : 2 * row + 2, 3 * column : 3 * column + 3]
        assert abs(int(small[row, column]) - block.mean()) <= 0.51
    np.testing.assert_array_equal(png.thumbnail(small), small)


def test_a_small_image_is_enlarged_by_repetition():
    image = np.array([[0, 50], [100, 200]], np.uint8)
    small = png.thumbnail(image)
    np.testing.assert_array_equal(small, image.repeat(48, axis=0).repeat(80, axis=1))


def test_floats_are_stretched_from_the_first_percentile_to_the_maximum():
    image = np.arange(200, dtype=np.float32).reshape(10, 20) / 7 - 3
    low = np.percentile(image, 1)
    expected = [
        [max(0, round(255 * (value - low) / (image.max() - low))) for value in row] for row in image
    ]
    np.testing.assert_allclose(png.grey(image), expected, atol=1)
    assert png.grey(image).max() == 255


def test_silence_is_black_and_infinite_levels_are_the_least_finite_one():
    assert not png.thumbnail(np.full((5, 6), 0.3, np.float32)).any()
    assert not png.thumbnail(np.full((5, 6), -np.inf, np.float32)).any()
    image = np.array([[-np.inf, -2], [0, 2]], np.float32)
    finite = np.array([[-2, -2], [0, 2]], np.float32)
    np.testing.assert_array_equal(png.grey(image), png.grey(finite))


# sheets


def test_a_sheet_has_a_row_per_class_and_its_segments_in_order(tmp_path, rng):
    images = rng.integers(0, 256, (4, *png.THUMBNAIL), np.uint8)
    groups = {"a": [("x", images[0])], "b": [("y", images[1]), ("z", images[2]), ("w", images[3])]}
    segment_plot.contact_sheet(groups, tmp_path / "sheet.png", per_class=2)
    sheet = read(tmp_path / "sheet.png")
    assert len(sheet) == segment_plot._HEAD + 2 * segment_plot._ROW
    for row, column, image in ((0, 0, images[0]), (1, 0, images[1]), (1, 1, images[2])):
        top = segment_plot._HEAD + row * segment_plot._ROW + segment_plot._NAME
        left = segment_plot._GAP + column * (160 + segment_plot._GAP)
        np.testing.assert_array_equal(sheet[top : top + 96, left : left + 160], image)
    flat = sheet.tobytes()
    assert images[3, 50].tobytes() not in flat  # the third of two
    above = sheet[segment_plot._HEAD : segment_plot._HEAD + segment_plot._NAME]
    below = sheet[
        segment_plot._HEAD + segment_plot._NAME + 96 : segment_plot._HEAD + segment_plot._ROW
    ]
    assert (above < 128).any()  # the name
    assert (below[:, :160] < 128).any()  # the title


def test_equal_segments_give_equal_bytes_in_any_style(tmp_path, rng):
    groups = {"Müller's $x$ \n": [("a title 1.0 s", rng.random((30, 50)))], "empty": []}
    segment_plot.contact_sheet(groups, tmp_path / "one.png")
    style = {"text.color": "red", "font.family": "serif", "font.size": 40, "savefig.dpi": 30}
    with matplotlib.rc_context(style):
        segment_plot.contact_sheet(groups, tmp_path / "two.png")
        assert matplotlib.rcParams["font.size"] == 40
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_many_classes_are_in_columns_and_too_many_are_not_all_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(segment_plot, "_ROWS", 2)
    monkeypatch.setattr(segment_plot, "MOST_CLASSES", 5)
    sizes, heads = [], []
    for n_classes in (2, 5, 6):
        groups = {f"class {number}": [] for number in range(n_classes)}
        segment_plot.contact_sheet(groups, tmp_path / "sheet.png", per_class=4)
        sheet = read(tmp_path / "sheet.png")
        sizes.append(((len(sheet) - segment_plot._HEAD) / segment_plot._ROW, sheet.shape[1] // 680))
        heads.append(sheet[: segment_plot._HEAD])
    assert sizes == [(2, 1), (2, 3), (2, 3)]
    assert not np.array_equal(heads[1], heads[2])


def test_letters_without_a_picture_in_the_font_are_no_obstacle(tmp_path):
    segment_plot.contact_sheet({"鳥 \0\t": [("鳥" * 50, np.eye(5))]}, tmp_path / "sheet.png")
    assert (read(tmp_path / "sheet.png") < 128).any()


def test_the_end_of_a_long_text_is_shown():
    assert segment_plot._cut("x" * 20 + "XC1 2.0 s", 55, 5.5) == "…XC1 2.0 s"
    assert segment_plot._cut("short", 55, 5.5) == "short"


@pytest.mark.parametrize(("groups", "per_class"), [({}, 8), ({"a": []}, 0), ({"a": []}, 51)])
def test_a_sheet_needs_classes_and_segments(tmp_path, groups, per_class):
    with pytest.raises(ValueError, match=f"{len(groups)} classes and per_class={per_class}; exp"):
        segment_plot.contact_sheet(groups, tmp_path / "sheet.png", per_class)


# stages


@pytest.mark.parametrize("kind", ["chunks", "unflipped", "windows"])
def test_low_sounds_are_at_the_bottom_whatever_the_frontend(stage, kind, monkeypatch):
    groups = drawn(stage, kind, monkeypatch)
    assert list(groups) == ["high", "low", "silent"]
    assert groups["silent"] == []
    for name, shown in (("high", "top"), ("low", "bottom")):
        one = [image for title, image in groups[name] if not title.startswith(".c")]
        assert {half(image) for image in one} == {shown}


def test_segments_of_a_class_are_drawn_best_first(stage, monkeypatch):
    groups = drawn(stage, "chunks", monkeypatch)
    reader = shard_reader.open_shards([stage / "chunks.h5"])
    scored = [
        (-score, f"{name} {onset_s:.1f} s")
        for name in ("a/low", ".c")
        for score, onset_s in zip(reader.scores(name), reader.onsets_s(name), strict=True)
    ]
    found = {title: score for score, title in scored}
    titles = [title for title, _ in groups["low"]]
    assert sorted(titles) == sorted(found)
    assert [found[title] for title in titles] == sorted(found.values())
    fewer = drawn(stage, "chunks", monkeypatch, per_class=2)
    assert [title for title, _ in fewer["low"]] == titles[:2]


def test_of_equal_scores_recordings_take_turns():
    index = window_source.Index(
        recording=np.array([0, 0, 0, 1, 1, 2]), place=np.arange(6),
        onset_s=np.array([0.0, 1.0, 2.0, 0.0, 1.0, 0.0]), offset_s=np.ones(6),
        score=np.array([1, 1, 1, 1, 1, 2], np.float32), length_s=np.ones(6),
    )  # fmt: skip
    assert segment_plot.best_first(index).tolist() == [5, 0, 3, 1, 4, 2]


def test_the_contact_sheet_of_a_stage_is_a_rules_work(stage, tmp_path, start_script):
    shards, targets_path, settings, window = of(stage, "chunks")
    drawing = {
        "shards": {"tiny": [str(path) for path in shards["tiny"]]},
        "segments": settings, "window": window, "per_class": 3,
    }  # fmt: skip
    process = start_script(
        "draw_segments", "results/log.txt", folder=tmp_path,
        params={"drawing": drawing, "library": {}}, input={"targets": str(targets_path)},
        output={"picture": "results/segments.png"},
    )  # fmt: skip
    assert process.wait(60) == 0, process.stderr.read()
    segment_plot.draw_segments(shards, targets_path, settings, window, tmp_path / "own.png", 3)
    written = tmp_path / "results/segments.png"
    assert written.read_bytes() == (tmp_path / "own.png").read_bytes()
    assert artefacts.read_record(written, tmp_path / "results")["rows"] == 3


def test_segment_images_are_in_a_folder_per_class(stage, tmp_path):
    n_files = segment_plot.segment_images(*of(stage, "chunks"), tmp_path / "images")
    found = sorted(
        path.relative_to(tmp_path / "images").as_posix() for path in tmp_path.rglob("*.png")
    )
    expected = [f"high/{name}_{n}.png" for name in ("%2Ec", "b-high") for n in range(3)]
    expected += [f"low/{name}_{n}.png" for name in ("%2Ec", "a%2Flow") for n in range(3)]
    assert found == sorted(expected)
    assert n_files == len(found) == 12
    image = read(tmp_path / "images/low/a%2Flow_1.png")
    stored = shard_reader.open_shards([stage / "chunks.h5"]).images("a/low")[1]
    np.testing.assert_array_equal(image, png.grey(stored / np.float32(255)))
    assert half(image) == "bottom"


def test_segment_images_of_several_corpora_have_names_of_their_own(stage, tmp_path):
    shards, _, settings, window = of(stage, "chunks")
    rows = [(corpus, "b-high", 1, 0, 1) for corpus in ("one", "two")]
    both = tmp_path / "targets.parquet"
    write_targets(both, ["high"], rows)
    two = {"one": shards["tiny"], "two": shards["tiny"]}
    assert segment_plot.segment_images(two, both, settings, window, tmp_path / "images") == 6
    assert (tmp_path / "images/high/two-b-high_2.png").exists()


def test_segment_images_go_into_a_new_folder(stage, tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not empty; expected a new folder"):
        segment_plot.segment_images(*of(stage, "chunks"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


# recordings


def of_clip(path, ground_truth, detected, scores=None, thresholds=None, **changed):
    """Draw 10 s of two classes and return the picture: RGB of its rows and columns."""
    about = {
        "spectrogram": np.tile(np.arange(4.0), (500, 1)), "class_names": ["dog", "owl"],
        "scores": np.zeros((125, 2)) if scores is None else scores, "score_rate": 12.5, "title": "",
        "scores_onset_s": 0.0,
    } | changed  # fmt: skip
    recording_plot.draw_recording(
        recording_plot.Track(about["spectrogram"], 50.0),
        recording_plot.Track(about["scores"], about["score_rate"], about["scores_onset_s"]),
        about["class_names"], ground_truth, detected, thresholds, path, about["title"],
    )  # fmt: skip
    return np.round(matplotlib.image.imread(path)[:, :, :3] * 255).astype(int)


def where(picture, colour):
    """First and last row and column of a colour below the head of a picture; None: nowhere."""
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    rows, columns = np.nonzero((picture[canvas.HEAD :] == wanted).all(axis=2))
    return (
        (*np.array([rows.min(), rows.max()]) + canvas.HEAD, columns.min(), columns.max())
        if len(rows)
        else None
    )


def test_events_are_at_their_times_in_their_halves_of_their_lanes(tmp_path):
    sheet = canvas.Sheet(84, 1000, 2, 10.0)
    picture = of_clip(
        tmp_path / "clip.png", [Event("x", 2.0, 4.0, "dog")], [Event("x", 5.0, 9.5, "owl")]
    )
    assert picture.shape[:2] == sheet.shape
    for colour, lane, half, span in (
        (recording_plot.GROUND_TRUTH, 0, 0, (2.0, 4.0)), (recording_plot.DETECTED, 1, 1, (5.0, 9.5)),
    ):  # fmt: skip
        top = sheet.lane(lane) + half * canvas.HALF
        left, right = (84 + 100 * time for time in span)
        expected = (top, top + canvas.HALF, left, right)
        np.testing.assert_allclose(where(picture, colour), expected, atol=3)


def test_an_unknown_ground_truth_is_not_the_same_as_none(tmp_path):
    detected = [Event("x", 5.0, 9.5, "owl")]
    unknown = of_clip(tmp_path / "unknown.png", None, detected)
    empty = of_clip(tmp_path / "empty.png", [], detected)
    assert (
        where(unknown, recording_plot.GROUND_TRUTH)
        is where(empty, recording_plot.GROUND_TRUTH)
        is None
    )
    np.testing.assert_array_equal(unknown[canvas.HEAD :], empty[canvas.HEAD :])
    assert (unknown[: canvas.HEAD] != empty[: canvas.HEAD]).any()  # the legend


def test_the_curve_has_the_height_of_the_scores_and_the_threshold_its_own(tmp_path):
    scores = np.zeros((125, 2))
    scores[50:75, 1] = 0.75  # 4 to 6 s
    picture = of_clip(tmp_path / "clip.png", None, [], scores, [0.25, 0.5])
    bottom = canvas.Sheet(84, 1000, 2, 10.0).lane(1) + canvas.CURVE_TOP + canvas.CURVE
    lane = picture[bottom - canvas.CURVE : bottom, 84:]  # right of the names
    rows, columns = np.nonzero((lane == 0xE4).all(axis=2))
    np.testing.assert_allclose((rows.min(), rows.max()), (canvas.CURVE / 4, canvas.CURVE), atol=2)
    np.testing.assert_allclose((columns.min(), columns.max()), (400, 600), atol=2)
    column = picture[bottom - canvas.CURVE + 2 : bottom - 1, 84 + 210 : 84 + 290]
    is_red = (column[..., 0] > column[..., 1] + 40).any(axis=1)
    np.testing.assert_allclose(np.flatnonzero(is_red).mean() + 2, canvas.CURVE / 2, atol=1.5)
    without = of_clip(tmp_path / "without.png", None, [], scores)
    assert not (without[..., 0] > without[..., 1] + 100).any()


def test_low_bands_are_at_the_bottom_of_the_spectrogram(tmp_path):
    picture = of_clip(tmp_path / "clip.png", None, [])
    rows = canvas.HEAD + np.array([0.1, 0.9]) * canvas.SPECTROGRAM
    high, low = picture[rows.astype(int), 500, 0]
    assert high < low  # the higher the level, the darker


def test_equal_recordings_give_equal_bytes_in_any_style(tmp_path, rng):
    about = ([Event("x", 1.0, 2.0, "owl")], [], rng.random((125, 2)), [0.5, 0.5])
    of_clip(tmp_path / "one.png", *about, title="Müller's $x$ \n 鳥")
    with matplotlib.rc_context({"text.color": "red", "font.size": 40, "savefig.dpi": 30}):
        of_clip(tmp_path / "two.png", *about, title="Müller's $x$ \n 鳥")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert b"Matplotlib" not in (tmp_path / "one.png").read_bytes()


def test_a_long_recording_is_scaled_and_its_short_events_stay_visible(tmp_path):
    scores = np.zeros((3600, 2))
    scores[1800, 0] = 1.0  # one frame of several in a column
    picture = of_clip(
        tmp_path / "long.png", None, [Event("x", 900.0, 900.01, "owl")], scores, score_rate=1.0,
        spectrogram=np.ones((7200, 3)), title="long " * 200,
    )  # fmt: skip
    assert picture.shape[1] == canvas.WIDEST
    *_, left, right = where(picture, recording_plot.DETECTED)
    assert right - left <= canvas.HALF
    sheet = canvas.Sheet(84, canvas.WIDEST - 136, 2, 3600.0)
    assert (left - 84) / sheet.width == pytest.approx(0.25, abs=0.001)
    curve = picture[sheet.lane(0) + canvas.CURVE_TOP + 5, 84 + sheet.width // 2 + np.arange(-3, 4)]
    assert (curve < 200).any()  # the peak was not averaged away


def test_long_names_of_classes_leave_a_picture_room(tmp_path):
    names = ["a very long name of a class " * 9, "owl"]
    picture = of_clip(tmp_path / "clip.png", None, [], class_names=names)
    left = picture.shape[1] - 1000 - 52
    assert 250 < left <= 300
    assert (picture[:, :6] == 255).all()
    lanes = picture[canvas.HEAD + canvas.SPECTROGRAM + 10 : -canvas.FOOT]
    assert (lanes[:, left - 7 : left - 3] == 255).all()  # between the names and the axis


def test_of_many_classes_those_with_events_and_high_scores_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(recording_plot, "MOST_CLASSES", 2)
    scores = np.tile([0.1, 0.9, 0.5], (125, 1))
    events = [Event("x", 1.0, 2.0, "a")]
    assert recording_plot.drawn_classes(
        scores, ["a", "b", "c"], {recording_plot.DETECTED: events}
    ) == [
        0,
        1,
    ]
    assert recording_plot.drawn_classes(scores, ["a", "b", "c"], {}) == [1, 2]
    picture = of_clip(tmp_path / "clip.png", None, events, scores, class_names=["a", "b", "c"])
    assert len(picture) == canvas.Sheet(84, 1000, 2, 10.0).shape[0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scores": np.zeros((5, 3))}, r"scores \(5, 3\); expected .* \(T', 2\)"),
        ({"scores": np.zeros((0, 2))}, r"with a frame each"),
        ({"spectrogram": np.zeros(7)}, r"spectrogram \(7,\) and scores"),
        ({"thresholds": [0.5]}, r"thresholds have shape \(1,\); expected \(2,\)"),
        ({"score_rate": 0.0}, r"frame rates \(50\.0, 0\.0\) .* above 0"),
        ({"detected": [Event("x", 0, 1, "cat")]}, r"1 classes of events have no scores: \['cat'\]"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, changed, message):
    about = {"ground_truth": None, "detected": []} | changed
    with pytest.raises(ValueError, match=message):
        of_clip(tmp_path / "clip.png", **about)
    assert not list(tmp_path.iterdir())
