"""``dawnchorus config [KEY]``, ``dawnchorus check CONFIG...``: keys of a config, and its errors.

``check`` reads a config, and the lists and folders of its corpora, as a start of the workflow does; it
runs and writes nothing. Only the models and frontends that the config names by the path of a file are
imported, for the keys that they have, and such a model is built, because nobody has declared how small
its input may be.
"""

import argparse
import os

from dawnchorus.cli import launch


def add_to(commands) -> None:
    """Add both commands to the parsers of the command line."""
    parser = commands.add_parser("config", help="what a key of the config means")
    parser.add_argument(
        "key", nargs="?", default="", metavar="KEY", help="such as training.schedule"
    )
    parser.set_defaults(command=explain)
    parser = commands.add_parser("check", help="look for errors in a config, running nothing")
    parser.add_argument("overlays", nargs="*", metavar="CONFIG")
    parser.add_argument("--workflow", metavar="FOLDER", help="where another Snakefile is")
    parser.set_defaults(command=check)


def explain(arguments: argparse.Namespace) -> int:
    """Print what a key means; return the exit status."""
    # imported here and below: no other command needs the models of all sections
    from dawnchorus.settings import documentation

    print(documentation.explanation(arguments.key))
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Print what is odd, and which experiments a config runs on which corpora; return the exit status."""
    from dawnchorus.plan import recordings_check
    from dawnchorus.settings import corpus_check, load
    from dawnchorus.settings.frontend import frontend_model
    from dawnchorus.settings.section import is_own_file

    base = os.path.join(arguments.workflow or launch.workflow_folder(), "config.yaml")
    if not os.path.exists(base):
        raise ValueError(
            f"no config.yaml in {arguments.workflow!r}; name the workflow's --workflow FOLDER"
        )
    found = load.load(base, arguments.overlays, {})
    for note in recordings_check.check_corpora(found):
        print(note)
    for name in corpus_check.experiments_of_run(found):
        for stage, settings in found["experiments"][name]["stages"].items():
            model = settings["model"]
            if not is_own_file(model["name"]):
                continue
            from dawnchorus.models import zoo  # slow to import, and few configs need it

            # nobody has declared how small the input of such a model may be: building it tells
            for frontend in filter(None, (settings["frontend"], settings["predict_frontend"])):
                shape = frontend_model(found["frontends"][frontend]).shape(settings["window"])
                try:
                    zoo.build(input_shape=shape, n_classes=2, output=settings["output"], **model)
                except Exception as error:  # of a file of one's own: any
                    raise ValueError(
                        f"experiments.{name}.stages.{stage}.model: {model['name']} cannot be built for "
                        f"{shape[0]} frames x {shape[1]} bands of frontend {frontend!r}: {error}"
                    ) from None
    corpora = corpus_check.corpora_of_run(found)
    print(f"sound: runs {', '.join(found['run'])} on {', '.join(corpora)}")
    return 0
