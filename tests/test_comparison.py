"""Runs side by side: the same recordings, paired differences, adjusted p, published scores."""

import contextlib
import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import report_results
import tiny
import yaml
from test_report import Reader

from dawnchorus.cli import command
from dawnchorus.evaluation import run_comparison
from dawnchorus.formats.event import Event
from dawnchorus.metrics.adjusted_p import holm
from dawnchorus.plan.jobs import jobs
from dawnchorus.plan.rules import result_files
from dawnchorus.plan.startup import config_of
from dawnchorus.report import comparison_page, comparison_settings, run_differences
from dawnchorus.report.chart import interval_chart
from dawnchorus.settings.load import compose
from dawnchorus.targets.ground_truth import EventGroundTruth

TIGHT = 1e-12


def naive_holm(p_values):
    """The definition: rejected at a level is what stands before the first that is not."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    found, most = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        most = max(most, p_values[index] * (len(p_values) - rank))
        found[index] = min(1.0, most)
    return found


def test_p_values_are_adjusted_by_holms_steps():
    # p.adjust(c(0.01, 0.04, 0.03), "holm") of R: 0.03, 0.06, 0.06
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06], atol=TIGHT)
    rng = np.random.default_rng(1)
    for n in (1, 2, 7):
        given = rng.random(n) ** 3
        np.testing.assert_allclose(holm(given), naive_holm(given.tolist()), atol=TIGHT)
    found = holm([0.02, np.nan, 0.02])  # what is not known is no comparison; ties are alike
    np.testing.assert_allclose(found, [0.04, np.nan, 0.04], atol=TIGHT)
    assert holm([]).shape == (0,)
    with pytest.raises(ValueError, match=r"p-values \[1.5\]; expected numbers in 0 to 1"):
        holm([1.5])


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Two runs of the same labels, whose scores come from other seeds."""
    return {
        name: report_results.written(tmp_path_factory.mktemp(name), name, seed)
        for name, seed in (("plain", 8), ("other", 9))
    }


@pytest.fixture(scope="module")
def compared(asked):
    return run_differences.compare_runs(asked)


def test_differences_are_those_of_the_projects_own_bootstrap(asked, tmp_path):
    # what is ensemble two in one run is ensemble one in a copy of it
    copy = {**asked["plain"], "name": "copy"}
    ensembles = copy["ensembles"]
    copy["ensembles"] = {**ensembles, "one": ensembles["two"]}
    found = run_differences.compare_runs({"plain": asked["plain"], "copy": copy}).differences
    metrics = json.loads(Path(asked["plain"]["metrics"]).read_text())
    pair = metrics["comparisons"][0]
    assert (pair["first"], pair["second"]) == ("one", "two")
    own = {(one.second[1], one.where, one.score): one for one in found}
    for where, expected in [("field", pair["test"]["field"]), ("out of fold", pair["out_of_fold"])]:
        for score, about in [("auroc", expected), *expected["identification"].items()]:
            if score in run_differences.SCORES:
                for key in ("difference", "low", "high", "p_two_sided"):
                    assert own["one", where, score].found[key] == pytest.approx(
                        about[key], abs=TIGHT
                    )
    same = own["two", "field", "auroc"]
    assert same.found["difference"] == 0
    assert same.p_holm == 1
    p_values = [one.found["p_two_sided"] for one in found]
    np.testing.assert_allclose([one.p_holm for one in found], naive_holm(p_values), atol=TIGHT)


def test_a_comparison_is_a_page_that_loads_nothing(compared, asked, tmp_path):
    comparison_page.write_comparison(compared, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    comparison_page.write_comparison(compared, tmp_path / "again.html")
    assert text == (tmp_path / "again.html").read_text()
    read = Reader(text)
    assert read.open == []
    assert read.sections == ["runs", "settings", "scores", "curves", "classes", "worst", "again"]
    assert read.tags.count("script") == 1
    assert not re.search(r"https?://", text)
    assert report_results.AWKWARD in read.cells
    assert "The runs have the same settings." in text
    one = compared.differences[0]
    values = f"{one.found['difference']:+.3f} ({one.found['low']:+.3f} to {one.found['high']:+.3f})"
    assert values in read.cells
    # five that the second scores better and five worse, each with a sound
    assert read.tags.count("audio") == read.tags.count("img") == 10


def test_recordings_that_differ_most_are_those_of_the_scores(compared):
    text = comparison_page.SECTIONS["worst"][1](compared)
    found = re.findall(r" plain ([0-9.]+), other ([0-9.]+); truth", text)
    truth = compared.truths["field"]
    before, after = (run.scores["one"]["field"] for run in compared.runs.values())
    gain = np.sort(((after - before) * np.where(truth.targets > 0, 1, -1)).ravel())
    changes = np.abs([float(b) - float(a) for a, b in found])
    np.testing.assert_allclose(changes[:5], gain[::-1][:5], atol=1.1e-3)
    np.testing.assert_allclose(changes[5:], -gain[:5], atol=1.1e-3)


def test_settings_that_differ_are_said_once_and_places_never(asked, compared):
    other = json.loads(json.dumps(asked["other"]))
    for place in (other["settings"], *other["settings"]["stages"].values()):
        place["training"]["epochs"] = 7
    other["corpora"] = {"field": {"root": "/else/where", "shards": 2}}
    plain = asked["plain"] | {"corpora": {"field": {"root": "here", "shards": 2}}}
    text = comparison_settings.differing_settings(
        run_differences.compare_runs({"plain": plain, "other": other})
    )
    read = Reader(text)
    assert [cell for cell in read.cells if "." in cell] == ["training.epochs"]


@pytest.fixture(scope="module")
def smaller(tmp_path_factory):
    return report_results.written(tmp_path_factory.mktemp("smaller"), "smaller", 8, n_field=20)


def test_other_recordings_are_refused_in_a_sentence(asked, smaller):
    with pytest.raises(
        ValueError,
        match=r"the test sets of plain and smaller differ: field has 23 and 20 scored recordings "
        r"\(only plain has field/r20, field/r21, field/r22\)$",
    ):
        run_differences.compare_runs({"plain": asked["plain"], "smaller": smaller})
    with pytest.raises(
        ValueError, match="a and b are tested on other recordings: x, y, and none; "
    ):
        run_comparison.check_tests({"a": ["x", "y"], "b": []})


def test_other_labels_and_classes_are_refused(compared):
    truth = compared.truths["field"]
    flipped = truth.part(np.arange(len(truth.recordings)))
    flipped.targets[0, 0] = 1 - flipped.targets[0, 0]
    with pytest.raises(ValueError, match=r"field has other labels of 1 recordings, such as"):
        run_comparison.check_truths("field", {"a": truth, "b": flipped})
    # another order is no other set
    run_comparison.check_truths(
        "field", {"a": truth, "b": truth.part(np.arange(len(truth.recordings))[::-1])}
    )
    others = dataclasses.replace(truth, class_names=[*truth.class_names[:1], "rook", "wren"])
    with pytest.raises(ValueError, match=r"other classes \(only a has owl; only b has rook\)$"):
        run_comparison.check_truths("field", {"a": truth, "b": others})
    events = [Event("r", 0.0, 1.0, "owl")]
    known = EventGroundTruth(["r"], {"r": 3.0}, events, ["owl"], np.array(["g"]), {})
    fewer = EventGroundTruth(["r"], {"r": 3.0}, [], ["owl"], np.array(["g"]), {})
    with pytest.raises(ValueError, match="1 and 1 recordings with 1 and 0 annotated events"):
        run_comparison.check_event_truths("field", {"a": known, "b": fewer})


def test_other_training_recordings_are_noted(asked, tmp_path):
    rows = Path(asked["other"]["folds"]).read_text().splitlines(keepends=True)
    folds = tmp_path / "folds.csv"
    folds.write_text("".join(rows[:-1]))
    other = asked["other"] | {"folds": str(folds)}
    found = run_differences.compare_runs({"plain": asked["plain"], "other": other})
    assert list(found.truths) == ["field"]
    assert re.fullmatch(
        "Out-of-fold scores are not compared: .* out of fold has 30 and 29 scored recordings "
        r"\(only plain has alpha/r29\).",
        *found.notes,
    )
    assert {one.where for one in found.differences} == {"field"}


def test_intervals_are_drawn_where_they_are():
    chart = interval_chart("t", [("a", 0.1, 0.0, 0.2), ("b", -0.2, None, None)], "difference")
    lines = re.findall(r'd="M([\d.]+) [\d.]+L([\d.]+) [\d.]+" class="line', chart)
    dots = [float(x) for x in re.findall(r'cx="([\d.]+)"', chart)]
    ((low, high),) = [[*map(float, one)] for one in lines]
    assert dots[0] == pytest.approx((low + high) / 2, abs=0.06)
    zero = float(re.search(r'd="M([\d.]+) [^"]*" class="guide"', chart)[1])
    assert low == pytest.approx(zero, abs=0.06)
    assert dots[1] < zero


# the command


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A working directory with reports and records of two runs."""
    folder = tmp_path_factory.mktemp("work")
    for name, seed in (("plain", 8), ("other", 9)):
        place = folder / "results" / name
        place.mkdir(parents=True)
        with contextlib.chdir(folder):
            relative = Path("results", name)
            one = report_results.written(relative, name, seed)
            report_results.reported(one, "results", relative)
        config = {"experiments": {name: one["settings"]}, "corpora": {}}
        (place / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return folder


def test_runs_are_compared_from_any_folder(work, tmp_path, monkeypatch, capsys):
    elsewhere = tmp_path / "else/where"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    assert (
        command.main(["compare", *(f"{work}/results/{name}" for name in ("plain", "other"))]) == 0
    )
    said = capsys.readouterr().out
    assert re.search(r"^other, one +plain, one +field +AUROC +[+-]0\.\d+ \(", said, re.M)
    assert (elsewhere / "comparison.html").stat().st_size > 100_000
    # from the folder of the run, too, and the page is the same but for paths
    monkeypatch.chdir(work)
    page = tmp_path / "c.html"
    assert command.main(["compare", "results/plain", "results/other", "--out", str(page)]) == 0
    assert "The runs have the same settings." in page.read_text()


def test_what_cannot_be_compared_is_one_sentence(work, tmp_path, monkeypatch, capsys):
    shutil.copytree(work, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")

    def refused(*arguments):
        assert command.main(["compare", *arguments]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return said

    assert "one folder of results; expected two or more" in refused("results/plain")
    assert "results/none has no report.html with a record" in refused(
        "results/plain", "results/none"
    )
    assert "expected a name that ends in .html" in refused(
        "results/plain", "results/other", "--out", "page.txt"
    )
    path = Path("results/other/metrics.json")
    path.write_text(path.read_text() + "\n")
    said = refused("results/plain", "results/other")
    assert "report.html is older than results/other/metrics.json" in said
    path.unlink()
    assert "metrics.json has gone" in refused("results/plain", "results/other")


def test_scores_agree_with_published_ones_by_tolerance_and_interval(
    work, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(work)
    metrics = json.loads(Path("results/plain/metrics.json").read_text())
    own = metrics["ensembles"]["one"]["test"]["field"]
    one = {"ensemble": "one", "on": "field", "score": "auroc"}
    scores = [
        one | {"value": round(own["auroc"], 3)},
        one | {"value": own["auroc"] + 0.02, "tolerance": 0.021},
        {"ensemble": "one", "score": "mlrap", "value": 0.5},
    ]
    published = tmp_path / "published.json"

    def compared(scores):
        published.write_text(json.dumps({"source": "A table", "scores": scores}))
        status = command.main(["compare", "results/plain", "--against", str(published)])
        return status, capsys.readouterr().out

    status, said = compared(scores[:2])
    assert status == 0
    assert re.search(r"yes \(interval\)$", said, re.M)
    assert re.search(r"yes \(tolerance 0.021\)$", said, re.M)
    assert compared([one | {"value": own["auroc"] + 0.02, "tolerance": 0.019}])[0] == 1
    status, said = compared([one | {"value": own["high"] + 0.01}])
    assert status == 1
    assert re.search(r"no \(interval\)$", said, re.M)
    # a run agrees with itself, score by score
    page, itself = tmp_path / "page.html", "results/plain/metrics.json"
    given = ["compare", "results/plain", "--against", itself, "--out", str(page)]
    assert command.main(given) == 0
    assert Reader(page.read_text()).sections[:2] == ["runs", "published"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "published.json is no JSON"),
        ("{}", "published.json.scores: missing"),
        ('{"source": "x", "scores": []}', "scores: []; expected one or more"),
        (
            '{"source": "x", "scores": [{"ensemble": "one", "score": "f1", "value": 1}]}',
            "scores.0.score",
        ),
        (
            '{"source": "x", "scores": [{"ensemble": "ten", "score": "auroc", "value": 1}]}',
            "plain has no ensemble 'ten'; expected one of one, two, all",
        ),
        (
            '{"source": "x", "scores": [{"ensemble": "one", "on": "moon", "score": "auroc",'
            ' "value": 1}]}',
            "plain has no scores of 'moon'; expected one of field, out of fold",
        ),
        (
            '{"source": "x", "scores": [{"ensemble": "one", "score": "psds1", "value": 1}]}',
            "plain has no decoding None of 'psds1'; it has no events",
        ),
    ],
)
def test_published_scores_that_cannot_be_read_are_one_sentence(
    work, tmp_path, monkeypatch, capsys, content, said
):
    monkeypatch.chdir(work)
    published = tmp_path / "published.json"
    published.write_text(content)
    assert command.main(["compare", "results/plain", "--against", str(published)]) == 2
    found = capsys.readouterr().err
    assert found.count("\n") == 1
    assert said in found


# the rule


def with_comparison(settings, *names):
    return settings | {"compare": {"both": {"experiments": list(names)}}}


def test_a_comparison_is_made_where_all_of_its_experiments_are(tmp_path):
    settings = with_comparison(tiny.config(), "one", "two")
    run = tiny.run_without_recordings(tmp_path, settings)
    assert "results/compare/both.html" in result_files(run)
    (job,) = [job for job in jobs(run) if job.rule == "compare"]
    read = {"results/one/metrics.json", "results/two/ensembles/final.other.h5"}
    assert read <= set(job.inputs["results"])
    alone = tiny.run_without_recordings(tmp_path, settings | {"run": ["one"]})
    assert "results/compare/both.html" not in result_files(alone)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("one", "three"), "compare.both.experiments: 'three'"),
        (("one",), "compare.both.experiments: .* at least 2"),
        (("one", "two"), r"'one' is tested on \['other'\] and 'two' on \[\]; expected experiments"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused_before_the_first_job(tmp_path, names, said):
    settings = with_comparison(tiny.config(), *names)
    settings["experiments"]["two"]["test"] = []
    settings["experiments"]["two"]["stages"]["second"]["targets"]["unlabelled"] = ["other"]
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(ValueError, match=said):
        compose(tiny.ROOT / "config.yaml", [path], {})


def test_the_config_beside_results_makes_them_again(tmp_path):
    # it says all that the workflow's own config and its presets say, defaults filled in
    given = compose(tiny.ROOT / "config.yaml", [], {})
    whole = tmp_path / "config.yaml"
    whole.write_text(yaml.safe_dump(config_of(given, "demo"), sort_keys=False))
    again = compose(tiny.ROOT / "config.yaml", [whole], {})
    assert again == given
    # another setting is another definition still
    changed = config_of(given, "demo")
    changed["experiments"]["demo"]["seed"] = 1
    whole.write_text(yaml.safe_dump(changed, sort_keys=False))
    with pytest.raises(ValueError, match="experiments.demo: defined already with other settings"):
        compose(tiny.ROOT / "config.yaml", [whole], {})
