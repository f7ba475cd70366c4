"""The command ``dawnchorus``: what is not a step of the workflow.

* ``dawnchorus verify PATH...``: hold results against their records.
* ``dawnchorus why FILE``: what a file was made from.
* ``dawnchorus check CONFIG...``: read a config and judge it; nothing in it is run.
* ``dawnchorus config [KEY]``: what a key of the config means.
* ``dawnchorus doctor``: whether machine and environment are fit for a run.
* ``dawnchorus sort``: a BirdCLEF corpus as a tree of classes, for training and validation.

Exit status: 0 where all is well, 1 where something is not, 2 for a wrong use, with one sentence.
"""

import argparse
import json
import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import version

from dawnchorus.cli import doctor, verify, why
from dawnchorus.runtime import logs

_NAMED = 20  # files that a command line names before it becomes unreadable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = _parser()
    told = parser.parse_args(arguments)
    if told.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        return told.command(told)
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # `dawnchorus verify results | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        print(f"error: {logs.one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "dawnchorus", description="What is not a step of the workflow."
    )
    parser.add_argument("--version", action="version", version=version("dawnchorus"))
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="")
    verify = commands.add_parser("verify", help="hold results against their records")
    verify.add_argument("paths", nargs="*", metavar="PATH", default=["results"])
    verify.add_argument("--fast", action="store_true", help="compare sizes only, read nothing")
    verify.set_defaults(command=_verify)
    why = commands.add_parser("why", help="what a file was made from")
    why.add_argument("file", metavar="FILE")
    form = why.add_mutually_exclusive_group()
    form.add_argument("--deep", action="store_true", help="all files behind it, as a tree")
    form.add_argument("--json", action="store_true", help="its record as it is kept")
    why.set_defaults(command=_why)
    config = commands.add_parser("config", help="what a key of the config means")
    config.add_argument(
        "key", nargs="?", default="", metavar="KEY", help="such as training.schedule"
    )
    config.set_defaults(command=_config)
    check = commands.add_parser("check", help="read a config and judge it, running nothing")
    check.add_argument("overlays", nargs="*", metavar="CONFIG")
    check.add_argument("--workflow", default=".", metavar="FOLDER", help="where the Snakefile is")
    check.set_defaults(command=_check)
    fit = commands.add_parser("doctor", help="is this machine fit for a run?")
    fit.add_argument("results", nargs="?", metavar="RESULTS", default="results")
    fit.add_argument("--deep", action="store_true", help="start the backend too (slow)")
    fit.set_defaults(command=_doctor)
    _add_sort(commands)
    return parser


def _add_sort(commands) -> None:
    sort = commands.add_parser(
        "sort", help="sort a BirdCLEF corpus into train/<class>/, val/<class>/ and metadata/"
    )
    for name, what in (
        ("audio", "folder of the recordings"),
        ("xml", "folder of their XML files"),
        ("output", "folder that becomes the tree"),
    ):
        sort.add_argument(f"--{name}", required=True, metavar="FOLDER", help=what)
    sort.add_argument("--mode", choices=("copy", "move", "symlink"), default="copy")
    sort.add_argument("--share", type=float, default=0.1, help="of each class, held out for val")
    sort.add_argument("--seed", type=int, default=1337, help="of the shuffle")
    single = "where the recording of a class with one goes; val: as system 002, none to train on"
    sort.add_argument("--single", choices=("train", "val"), default="train", help=single)
    named = "what the folder of a class is called"
    sort.add_argument("--class-from", choices=("species", "ClassId"), default="species", help=named)
    sort.add_argument("--dry-run", action="store_true", help="say what would be done")
    sort.set_defaults(command=_sort)


def _verify(told: argparse.Namespace) -> int:
    found, holders = {}, set()
    for path in told.paths:
        results = verify.results_of(path)
        if (owner := doctor.holder(results)) and results not in holders:
            holders.add(results)
            note = f"note: {owner} is at work in {results}: what it is making now may look wrong"
            print(note, file=sys.stderr)
        for finding in verify.verify(path, told.fast, _progress()):
            found[results, finding.name] = finding
    for (results, _), finding in found.items():
        if finding.state != "whole":
            where = f" (in {results.parent})" if len({r for r, _ in found}) > 1 else ""
            print(f"{finding.state:<11} {finding.name}{where}: {finding.detail}")
    for results in dict.fromkeys(results for results, _ in found):
        _advise([f for (r, _), f in found.items() if r == results], str(results.parent))
    counts = Counter(finding.state for finding in found.values())
    rest = ", ".join(f"{counts[state]} {state}" for state in verify.STATES[1:])
    print(f"{counts['whole']} artefacts whole, {rest}{' (sizes only)' if told.fast else ''}")
    return int(counts.total() > counts["whole"])


def _progress() -> Callable[[int, int], None] | None:
    """Return what says on a terminal how many files were read."""
    if not sys.stderr.isatty():
        return None
    last_s = [0.0]

    def said(done: int, total: int) -> None:
        if done == total:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - last_s[0] > 0.2:
            last_s[0] = time.monotonic()
            print(f"\r{done} of {total} files", end="", file=sys.stderr, flush=True)

    return said


def _advise(findings: Sequence[verify.Finding], working: str) -> None:
    """Say how to put right what was found."""
    wrong = [finding for finding in findings if finding.state in ("damaged", "missing", "stale")]
    again = [finding for finding in wrong if finding.origin == "rule"]
    if again:
        here = "" if os.path.abspath(working) == os.getcwd() else f", in {shlex.quote(working)}"
        print(f"to make them again{here}, with the --configfile of the run where it had one:")
        if there := [finding.name for finding in again if finding.state != "missing"]:
            print(f"    rm {_named(there)}")
        print(f"    snakemake --cores 2 {_named([finding.name for finding in again])}")
        print("then run as before: exactly what follows from them is made again")
    if any(finding.state == "unrecorded" for finding in findings):
        print("unrecorded: a run does killed jobs again; delete what stays, it is not from there")
    if any(finding.origin == "listing" for finding in wrong):
        print("tables of a corpus: the next start of the workflow writes them as they should be")
    if any(finding.origin == "outside" for finding in wrong):
        print("files from outside the results: bring them back as they were")


def _named(names: Sequence[str]) -> str:
    more = " ..." if len(names) > _NAMED else ""
    return shlex.join(names[:_NAMED]) + more


def _why(told: argparse.Namespace) -> int:
    if told.json:
        record = why.record_of(told.file)
        print(json.dumps(record, sort_keys=True, ensure_ascii=False, indent=1))
    else:
        print(why.tree(told.file) if told.deep else why.explained(told.file))
    return 0


def _config(told: argparse.Namespace) -> int:
    from dawnchorus.settings import reference

    print(reference.explanation(told.key))
    return 0


def _check(told: argparse.Namespace) -> int:
    from dawnchorus.settings import corpus_check, load

    base = os.path.join(told.workflow, "config.yaml")
    if not os.path.exists(base):
        raise ValueError(
            f"no config.yaml in {told.workflow!r}; name the workflow's --workflow FOLDER"
        )
    found = load.load(base, told.overlays, {})
    corpora = corpus_check.corpora_of_run(found)
    print(f"sound: runs {', '.join(found['run'])} on {', '.join(corpora)}")
    return 0


def _doctor(told: argparse.Namespace) -> int:
    is_fit = True
    for line in doctor.examined(told.results, told.deep):
        print(f"{line.state:<5} {line.what:<18} {line.text}", flush=True)
        is_fit = is_fit and line.state != "bad"
    print("fit for a run" if is_fit else "not fit for a run: see the lines that begin with 'bad'")
    return 0 if is_fit else 1


def _sort(told: argparse.Namespace) -> int:
    from dawnchorus.cli import sort

    holdout = {"share": told.share, "seed": told.seed, "single": told.single}
    plan = sort.planned(
        told.audio, told.xml, told.output, mode=told.mode, class_from=told.class_from,
        holdout=holdout,
    )  # fmt: skip
    for note in plan.notes:
        print(f"note: {note}", file=sys.stderr)
    for sentence in plan.left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    print(plan.told(told.mode), flush=True)
    if not told.dry_run:
        sort.carry_out(plan, told.mode, _progress())
        print(f"sorted into {told.output}")
    return int(bool(plan.left_out))


if __name__ == "__main__":
    sys.exit(main())
