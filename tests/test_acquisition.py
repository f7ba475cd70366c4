"""Recordings from xeno-canto: queries, pages, choice, downloads and what a hostile server may try."""

import io
import json
import stat

import numpy as np
import pytest
import soundfile
import xeno_canto_server as made

from dawnchorus.acquisition import acquire, choice, downloads, http_client, metadata
from dawnchorus.corpora.adapters import xeno_canto
from dawnchorus.formats import download_lock, parquet
from dawnchorus.runtime import artefacts, logs

KEY = "secret-key-0123456789"
QUERY = xeno_canto.Query().complete()
CHOICE = xeno_canto.Choice().complete()


@pytest.fixture
def server():
    with made.running() as found:
        yield found


class Clock:
    """Time that passes where somebody waits."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


def client(server, clock=None, hosts=(), **limits):
    clock = clock or Clock()
    return http_client.Client(
        [server.host, *hosts], http_client.Limits(**limits), sleep=clock.sleep, clock=clock
    )


def access(server, **others):
    about = xeno_canto.Access(
        api=server.api,
        hosts=[server.host],
        key_variable="TEST_KEY_OF_XC",
        requests_per_second=500.0,
    )
    return about.complete() | others


def sound(seconds=12.0, seed=0, rate=22_050, subtype="PCM_16"):
    waveform = np.random.default_rng(seed).normal(0, 0.05, int(seconds * rate))
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, subtype, format="WAV")
    return file.getvalue()


def add(server, number, genus="Turdus", species="merula", body=None, **others):
    server.recordings.append(made.api_recording(number, genus, species, server.host, **others))
    server.files[f"/{number}/download"] = sound(seed=number) if body is None else body
    return metadata.parsed(server.recordings[-1])


def test_all_pages_are_read_once_and_fields_of_either_version_are_understood(server, caplog):
    for number in (5, 3, 8, 2, 9):
        add(server, number)
    add(server, 11, lon="", lng="-7.25", lat="x", length="1:02:03", also=["Parus major", "", 3])
    add(server, 12, "Sylvia", "atricapilla", rec="=cmd|' /C calc'!A0\n", **{"lat": "91"})
    for odd in ({"id": "../../x"}, {"id": "7", "gen": ""}, {"id": "8" * 12}, {"file": ""}, "text"):
        server.recordings.append(
            made.api_recording(1, "Turdus", "merula", server.host) | odd
            if isinstance(odd, dict) else odd
        )  # fmt: skip
    # the last of these cannot be asked for by its class
    server.recordings.pop()
    texts = metadata.queries(QUERY | {"species": ["Turdus merula", "Sylvia atricapilla"]})
    assert texts == [
        'gen:"Turdus" sp:"merula" grp:"birds"', 'gen:"Sylvia" sp:"atricapilla" grp:"birds"'
    ]  # fmt: skip
    clock = Clock()
    with client(server, clock) as asking:
        with caplog.at_level("INFO", logs.LOG.name):
            found = metadata.fetch(asking, server.api, texts, KEY)
    assert [row.number for row in found] == ["2", "3", "5", "8", "9", "11", "12"]
    row = found[5]
    assert (row.longitude_deg, row.latitude_deg, row.length_s) == ("-7.25", "", 3723.0)
    assert (row.label, row.background) == ("Turdus merula", "Parus major")
    assert row.licence == "https://creativecommons.org/licenses/by-nc-sa/4.0/"
    assert found[6].recordist == "=cmd|' /C calc'!A0"
    assert found[6].latitude_deg == ""
    assert "recordings have no number, name or address" in caplog.text
    # one request a second, and the key in each
    assert len(server.asked) == 6
    assert clock.waits == [1.0] * 5
    assert {query["key"] for _, query, *_ in server.asked} == {KEY}
    assert {headers["Accept-Encoding"] for *_, headers, _ in server.asked} == {"identity"}


def test_queries_have_a_tag_for_each_setting():
    about = xeno_canto.Query(
        species=["Parus"], family="Paridae", country="United States", quality=["A", "B"],
        type="song", length_s=[5, 60.5], tags='rec:"Doe"',
    ).complete()  # fmt: skip
    common = 'gen:"Parus" fam:"Paridae" grp:"birds" cnt:"United States" type:"song" len:"5-60.5"'
    assert metadata.queries(about) == [f'{common} rec:"Doe" q:A', f'{common} rec:"Doe" q:B']
    with pytest.raises(ValueError, match="low below high"):
        xeno_canto.Query(length_s=[5, 5])


def test_a_server_that_is_busy_is_waited_for_and_one_that_refuses_is_not(server):
    add(server, 1)
    path, clock = "/api/3/recordings", Clock()
    server.faults[path] = [made.status(429, Retry_After="7"), made.status(503), made.cut(30)]
    with client(server, clock, per_second=1000) as asking:
        assert len(metadata.fetch(asking, server.api, ["gen:Turdus"], None)) == 1
    assert [wait for wait in clock.waits if wait >= 1] == [7.0, 4.0, 1.0]
    for fault, message in (
        (made.status(403), "answers 403; is a key needed"),
        (made.status(429, Retry_After="86400"), "answers 429, asked 1 times"),
    ):
        server.faults[path] = [fault]
        with client(server) as asking, pytest.raises(ValueError, match=message) as error:
            metadata.fetch(asking, server.api, ["gen:Turdus"], None)
        assert "query 'gen:Turdus'" in str(error.value)
    server.faults[path] = [made.status(500)] * 9
    with client(server) as asking, pytest.raises(ValueError, match="answers 500, asked 5 times"):
        metadata.fetch(asking, server.api, ["gen:Turdus"], KEY)

    def html(handler, body):
        handler.answer(200, b"<html>moved</html>")
        return True

    server.faults[path] = [html]
    with client(server) as asking, pytest.raises(ValueError, match="what is no JSON: b'<html>"):
        metadata.fetch(asking, server.api, ["gen:Turdus"], KEY)


def test_the_choice_of_dsr2019():
    rows = []

    def row(number, label, length_s):
        one = metadata.Metadata(*[""] * len(metadata.COLUMNS))
        rows.append(one._replace(number=str(number), label=label, length_s=length_s))

    for number in range(40):
        row(number, "Many", 60.0)
        row(100 + number, "Some", 30.0)
        row(200 + number, "Few", 4.9)  # too short
        row(300 + number, "Long", 1000.0)  # too long
    row(400, "Least", 20.0)
    assert choice.needed_s(1800, CHOICE) == 2 * (5 + 2.5 * 1800)
    about = CHOICE | {"classes": 2, "slices": 100}
    found, target = choice.chosen(rows, about, 1)
    # Some has 1,200 s, 768 s of signal: (384 - 5) / 2.5 slices
    assert target == 100
    assert {one.label for one in found} == {"Many", "Some"}
    signal_s = {label: sum(0.64 * r.length_s for r in found if r.label == label) for label in
                ("Many", "Some")}  # fmt: skip
    for label, length_s in (("Many", 60), ("Some", 30)):
        assert 510 <= signal_s[label] < 510 + 0.64 * length_s
    assert choice.chosen(rows[::-1], about, 1)[0] == found
    assert choice.chosen(rows, about, 2)[0] != found
    # a class that cannot have enough lowers the target of all
    found, target = choice.chosen(rows, CHOICE | {"classes": 3}, 1)
    assert target == choice.slices_of(20 * 0.64, CHOICE) == 0
    assert {one.label for one in found} == {"Many", "Some", "Least"}
    with pytest.raises(ValueError, match="none of 40 recordings is between 5 and 1000 s long"):
        choice.chosen([one for one in rows if one.label == "Few"], CHOICE, 1)


def test_downloads_are_whole_decoded_and_named_by_number(server, tmp_path):
    rows = [
        add(server, 1),
        add(server, 2, file=f"http://{server.host}/away"),
        add(server, 3, body=b"<!DOCTYPE html><p>please log in</p>"),
        add(server, 4, body=sound()[:3000]),  # a header that promises more
        add(server, 5),
        add(server, 6),
        add(server, 7, rec="@SUM(1+1)"),
    ]
    del server.files["/5/download"]
    elsewhere = []
    with made.running() as other:
        server.faults["/away"] = [made.status(302, Location=f"http://{other.host}/secret")]
        server.faults["/6/download"] = [made.status(302, Location="file:///etc/passwd")]
        server.faults["/7/download"] = [
            made.status(301, Location="/moved"), made.cut(100_000), made.status(500)
        ]  # fmt: skip
        server.faults["/7/download"] = [made.status(301, Location="/moved")]
        server.files["/moved"] = server.files["/7/download"]
        with client(server) as asking:
            found = downloads.download(asking, rows, tmp_path, 1 << 30)
        elsewhere = list(other.asked)
    assert elsewhere == []
    assert [one.status for one in found] == [
        "downloaded", "refused", "no_audio", "AUDIO_TRUNCATED", "refused", "refused", "downloaded"
    ]  # fmt: skip
    assert "expected one of 127.0.0.1" in found[1].detail
    assert "answers 404" in found[4].detail
    audio = tmp_path / "audio"
    assert sorted(path.name for path in audio.iterdir()) == ["XC1.wav", "XC7.wav"]
    assert (audio / "XC1.wav").read_bytes() == server.files["/1/download"]
    lock = download_lock.read_lock(tmp_path / "lock.csv")
    assert [one.number for one in lock] == ["1", "7"]
    assert lock[0].sha256 == artefacts.sha256(audio / "XC1.wav") == found[0].sha256
    assert lock[1].recordist == "@SUM(1+1)"
    attribution = (tmp_path / "ATTRIBUTION.csv").read_text().splitlines()
    assert attribution[0] == "recording,class,recordist,licence,url"
    assert attribution[2].split(",")[2] == "'@SUM(1+1)"
    assert "https://xeno-canto.org/1" in attribution[1]


def test_a_cut_body_is_gone_on_with_and_what_is_there_is_not_asked_for_again(server, tmp_path):
    rows = [add(server, number) for number in (1, 2, 3)]
    server.faults["/1/download"] = [made.cut(100_000), made.cut(200_000)]
    with client(server) as asking:
        first = downloads.download(asking, rows[:2], tmp_path, 1 << 30)
    assert [one.status for one in first] == ["downloaded"] * 2
    ranges = [headers.get("Range") for path, _, headers, _ in server.asked if path == "/1/download"]
    # the second cut answers from the start again, as a server may
    assert ranges == [None, "bytes=100000-", "bytes=200000-"]
    assert (tmp_path / "audio/XC1.wav").read_bytes() == server.files["/1/download"]
    # a run that was killed before it wrote the lock; its file is decoded again, not asked for
    lock = (tmp_path / "lock.csv").read_text().splitlines(keepends=True)
    (tmp_path / "lock.csv").write_text("".join(lock[:2]))
    server.asked.clear()
    with client(server) as asking:
        again = downloads.download(asking, rows, tmp_path, 1 << 30)
    assert [one.status for one in again] == ["kept", "kept", "downloaded"]
    assert server.paths() == ["/3/download"]
    assert len(download_lock.read_lock(tmp_path / "lock.csv")) == 3
    # what is elsewhere now has another content: it is not taken in silence
    (tmp_path / "audio/XC2.wav").unlink()
    server.files["/2/download"] = sound(seed=99)
    with client(server) as asking:
        changed = downloads.download(asking, rows, tmp_path, 1 << 30)
    assert [one.status for one in changed] == ["kept", "changed", "kept"]
    assert not (tmp_path / "audio/XC2.wav").exists()


def test_a_part_of_another_content_is_begun_again(server, tmp_path):
    row = add(server, 1)
    server.faults["/1/download"] = [made.cut(1000)] * 9
    part = tmp_path / "part"
    with client(server) as asking, pytest.raises(http_client.Refused, match="before its end, 5"):
        asking.download(row.file_url, part)
    assert part.stat().st_size == 1000
    server.faults.clear()
    server.files["/1/download"] = sound(seconds=3, seed=5)
    with client(server) as asking:
        assert asking.download(row.file_url, part) == len(server.files["/1/download"])
    assert part.read_bytes() == server.files["/1/download"]


def test_sizes_and_times_are_limited(server, tmp_path):
    rows = [add(server, number) for number in (1, 2, 3)]

    def endless(handler, body):
        handler.answer(200, b"x" * 300_000, {"Transfer-Encoding": "identity", "Content-Length": ""})
        handler.close_connection = True
        return True

    server.faults["/2/download"] = [endless]
    with client(server, most_bytes=200_000) as asking:
        found = downloads.download(asking, rows[:2], tmp_path / "one", 1 << 30)
    assert [one.status for one in found] == ["refused", "refused"]
    assert "200000 are allowed" in found[0].detail
    with client(server) as asking:
        found = downloads.download(asking, rows, tmp_path / "all", 600_000)
    assert [one.status for one in found] == ["downloaded", "downloaded", "over_limit"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://xeno-canto.org/1", "is not HTTPS"),
        ("https://evil.example/1", "is on host 'evil.example'; expected one of"),
        ("https://user@xeno-canto.org/1", "is on host"),
        ("https://xeno-canto.org:8443/1", "is on host 'xeno-canto.org:8443'"),
        ("file:///etc/passwd", "is on host ''"),
        ("https://inside.example/1?key=abc", "inside.example' is at 10.0.0.7, which is no public"),
        ("http://[::1/", "is no address"),
    ],
)
def test_addresses_that_lead_elsewhere_are_refused(server, tmp_path, monkeypatch, url, message):
    def getaddrinfo(name, port, **_):
        assert name == "inside.example", "no other host may be looked up"
        return [(2, 1, 6, "", ("10.0.0.7", port))]

    monkeypatch.setattr(http_client.socket, "getaddrinfo", getaddrinfo)
    hosts = ("xeno-canto.org", "inside.example")
    with client(server, hosts=hosts) as asking, pytest.raises(http_client.Refused) as error:
        asking.download(url, tmp_path / "part")
    assert message in str(error.value)
    assert "abc" not in str(error.value)


def test_a_key_comes_from_the_environment_or_a_file_of_its_owner(tmp_path, monkeypatch):
    about = xeno_canto.Access(key_variable="TEST_KEY_OF_XC").complete()
    assert metadata.key_of(about) is None
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o640)
    with pytest.raises(ValueError, match=r"can be read by others \(mode 0640\); expected 0600"):
        metadata.key_of(about | {"key_file": str(path)})
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert metadata.key_of(about | {"key_file": str(path)}) == KEY
    with pytest.raises(ValueError, match="cannot be read"):
        metadata.key_of(about | {"key_file": str(tmp_path / "none")})
    monkeypatch.setenv("TEST_KEY_OF_XC", " of the environment ")
    assert metadata.key_of(about | {"key_file": str(path)}) == "of the environment"


def test_the_steps_write_tables_without_the_key_and_the_adapter_reads_the_folder(
    server, tmp_path, monkeypatch
):
    for number in range(1, 5):
        add(server, number, *(("Sylvia", "atricapilla") if number % 2 else ()))
    monkeypatch.setenv("TEST_KEY_OF_XC", KEY)
    about = {"query": QUERY | {"species": ["Sylvia atricapilla", "Turdus merula"]}}
    about["access"] = access(server)
    tables = [tmp_path / f"{name}.parquet" for name in ("metadata", "chosen", "downloads")]
    folder = tmp_path / "folder"
    acquire.fetch_metadata(about, tables[0])
    acquire.choose_recordings(tables[0], CHOICE, tables[1])
    acquire.download_recordings(tables[1], about, folder, tables[2])
    found = parquet.read_columns(tables[2], downloads.COLUMNS)
    assert found["status"] == ["downloaded"] * 4
    assert found["label"] == ["Sylvia atricapilla", "Turdus merula"] * 2
    assert (folder / "downloads.parquet").read_bytes() == tables[2].read_bytes()
    for path in [*tables, *(path for path in folder.rglob("*") if path.is_file())]:
        assert KEY.encode() not in path.read_bytes(), path
    corpus = xeno_canto.Settings(folder=str(folder)).complete()
    listed = xeno_canto.recordings(corpus)
    assert [one.id for one in listed.recordings] == ["XC1", "XC2", "XC3", "XC4"]
    assert {one.labels for one in listed.recordings} == {"Sylvia atricapilla", "Turdus merula"}
    assert {one.recordist for one in listed.recordings} == {f"Recordist {n}" for n in (0, 1, 2)}
    (folder / "audio/XC2.wav").unlink()
    with pytest.raises(ValueError, match="MISSING_FILE: 1 recordings of .*XC2.wav"):
        xeno_canto.recordings(corpus)
    kept = xeno_canto.recordings(corpus | {"missing_files": "exclude"})
    assert kept.excluded == [("XC2", "MISSING_FILE", "of the lock file")]
    with pytest.raises(ValueError, match="does not exist; expected the recordings that are downl"):
        xeno_canto.recordings(corpus | {"folder": str(tmp_path / "no")})


@pytest.mark.parametrize(
    "row",
    [
        "1,../x.mp3,{0},3",
        "1,XC1.mp3,abc,3",
        "-1,XC1.mp3,{0},3",
        "1,XC1.exe,{0},3",
        "1,XC1.mp3,{0},x",
    ],
)
def test_a_lock_file_leads_nowhere_else(tmp_path, row):
    path = tmp_path / "lock.csv"
    header = ",".join(download_lock.LockedRecording._fields)
    path.write_text(f"{header}\n{row.format('0' * 64)},a,,b,c,d\n")
    with pytest.raises(ValueError, match="line 2: .*expected a number, a name such as XC123.mp3"):
        download_lock.read_lock(path)


def test_json_of_the_server_is_what_the_api_documents():
    one = json.loads(json.dumps(made.api_recording(5, "Turdus", "merula", "h")))
    assert {"id", "gen", "sp", "lon", "lic", "q", "length", "also", "rec", "file"} <= set(one)
