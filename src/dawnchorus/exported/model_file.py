"""Exported models: one file that holds all that scoring a recording needs.

``{ensemble}.dawnchorus`` is a zip archive whose members are stored as they are, without dates:

* ``model.json``: the format and its version, classes, settings of audio, frontends, windows, pooling and
  decodings, thresholds, calibration, and what is known of the model: scores, caveats, licences, what it
  was made from;
* ``frontends/{frontend}.bank.npy``: the bank of a frontend's bands, (F, bins) float32;
* ``frontends/{frontend}.network.onnx``: its pretrained network, where the licence lets it be there;
* ``networks/{stage}.{member}.{weights}.onnx``: the networks; those of ``.keras`` beside them are for
  training on and are never read here.

Reading runs nothing that a file brings along: there is no pickle in it and no code, networks hold known
operators alone (`dawnchorus.exported.operators`), and every size is compared with the bytes that are
there before anything of that size is made.

* `ExportedModel`, `Stage`, `Frontend`, `Network`: what a file holds.
* `write`, `load`: the file.

Axes: F bands, C classes.
"""

import dataclasses
import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dawnchorus.exported import operators
from dawnchorus.exported.content import Content, changed, checked_content
from dawnchorus.frontends import base
from dawnchorus.runtime import artefacts

FORMAT = 1  # raised where an older version could not read a file rightly
ENDING = ".dawnchorus"
SHOWN = 12  # hexadecimal digits of a digest that tables and messages show
_CONTENT = "model.json"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can hold
_BLOCK = 1 << 20  # bytes hashed at a time
_MOST_CONTENT = 64 << 20  # bytes of `_CONTENT`


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """One network of a stage: of which member, with which of its weights, and as ONNX.

    ``has_frames`` says whether it gives the scores of frames too.
    """

    member: str
    weights: str
    onnx: bytes
    has_frames: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Stage:
    """Networks that see the same windows.

    Attributes
    ----------
    name : str
    frontend : str
        Name of the frontend.
    segments : dict
        How windows are cut, as `dawnchorus.segments.window_source.open_source` takes it.
    window : int
        Frames of a window.
    clip_pooling : str
        How a window's score comes from its frames, where the networks' scores are those of frames.
    frames_per_score : int
        Frames of the spectrogram that one frame of the scores stands for.
    networks : tuple of Network
        One member's follow one another; their scores are averaged.
    """

    name: str
    frontend: str
    segments: dict[str, Any]
    window: int
    clip_pooling: str
    frames_per_score: int
    networks: tuple[Network, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Frontend:
    """From waveform to spectrogram.

    Attributes
    ----------
    settings : dict
        As `dawnchorus.frontends` takes them, ``sample_rate`` [Hz] included. Under ``bank`` stand the
        weights of the bins in the bands, where the kind has any: so none has to be computed.
    audio : dict
        The audio recipe, as `dawnchorus.audio.decode` takes it.
    network : bytes
        Its pretrained network as ONNX; empty where it has none, or the file is elsewhere.
    """

    settings: dict[str, Any]
    audio: dict[str, Any]
    network: bytes = b""


@dataclasses.dataclass(frozen=True, eq=False)
class ExportedModel:
    """An ensemble that can be used without the workflow.

    Attributes
    ----------
    digest : str
        SHA-256 of the file, 64 hexadecimal digits; ``short_digest`` has the first twelve.
    name : str
        ``experiment/ensemble``.
    classes : tuple of str
        C, in the order of all scores.
    frontends : dict of Frontend
    stages : tuple of Stage
    pooling : dict
        ``pooling``, ``average``, ``average_unit`` and ``ignored_classes`` of the ensemble.
    decodings : dict
        By name ``threshold``, ``filter_s``, ``gap_s`` and ``minimum_s``, a list in the order of the
        classes each, as `dawnchorus.events.decoding.detections` takes them (NaN: never reached); none
        where the experiment detects no events.
    thresholds : dict
        By class the score from which on it counts as present, chosen by out-of-fold scores; None where
        there is none, as without positives.
    calibration : dict or None
        As `dawnchorus.metrics.calibration.apply` takes it; thresholds are of scores before it.
    about : dict
        ``threshold_rule`` (how thresholds were chosen), ``operating_curves`` (by class, see
        `dawnchorus.metrics.operating_points`), ``decodings`` (on what each was chosen), ``scores``
        (with intervals), ``caveats`` (sentences), ``recordings`` (of each corpus trained on the licence
        and the attribution, where known) and ``provenance`` (SHA-256 of what the file was made from,
        and versions).
    """

    name: str
    classes: tuple[str, ...]
    frontends: dict[str, Frontend]
    stages: tuple[Stage, ...]
    pooling: dict[str, Any]
    decodings: dict[str, dict[str, list[float]]]
    thresholds: dict[str, float | None]
    calibration: dict[str, Any] | None = None
    about: dict[str, Any] = dataclasses.field(default_factory=dict)
    digest: str = ""

    @property
    def short_digest(self) -> str:
        """The first twelve digits of the digest, which name the model in tables."""
        return self.digest[:SHOWN]

    def calibration_of(self, kind: str) -> str:
        """Return what calibrates the scores of rows, as tables have it: a method, or ``none``.

        Parameters
        ----------
        kind : {"windows", "recordings", "events"}
            Maps are fitted on scores of recordings, so no others are calibrated.
        """
        return self.calibration["method"] if self.calibration and kind == "recordings" else "none"

    @property
    def has_common_windows(self) -> bool:
        """Whether all stages see the same windows of a recording, so that a window has one score."""
        seen = {(one.frontend, repr(one.segments), one.window) for one in self.stages}
        return len(seen) == 1

    @property
    def has_frames(self) -> bool:
        """Whether all networks give the scores of frames, which events are decoded from."""
        return all(network.has_frames for stage in self.stages for network in stage.networks)


def write(path: str | Path, model: ExportedModel, keras: Mapping[str, bytes] | None = None) -> None:
    """Write an exported model; equal models give equal bytes.

    Parameters
    ----------
    path : path
    model : ExportedModel
        Its digest is not written.
    keras : mapping of str to bytes, optional
        ``.keras`` files by ``{stage}.{member}.{weights}``, for training on.
    """
    members: dict[str, bytes] = {}
    frontends: dict[str, Any] = {}
    for name, frontend in model.frontends.items():
        settings = {key: value for key, value in frontend.settings.items() if key != "bank"}
        frontends[name] = {"settings": settings, "audio": frontend.audio, "has_bank": False}
        if "bank" in frontend.settings:
            frontends[name]["has_bank"] = True
            bank = frontend.settings["bank"]
            held = io.BytesIO()
            dense = bank.toarray() if hasattr(bank, "toarray") else bank
            np.lib.format.write_array(held, np.ascontiguousarray(dense, "<f4"), version=(1, 0))
            members[_bank_name(name)] = held.getvalue()
        if frontend.network:
            frontends[name]["has_network"] = True
            members[_frontend_network_name(name)] = frontend.network
    stages = []
    for stage in model.stages:
        about = {f.name: getattr(stage, f.name) for f in dataclasses.fields(stage)}
        about["networks"] = [
            {"member": n.member, "weights": n.weights, "has_frames": n.has_frames}
            for n in stage.networks
        ]
        stages.append(about)
        members |= {_network_name(stage.name, n): n.onnx for n in stage.networks}
    content = {
        "format": FORMAT,
        **{key: getattr(model, key) for key in ("name", "pooling", "thresholds", "calibration")},
        # a threshold that is never reached is NaN, which JSON has not
        "decodings": changed(model.decodings, lambda v: None if v is None or v != v else float(v)),
        "about": model.about,
        "classes": list(model.classes), "frontends": frontends, "stages": stages,
    }  # fmt: skip
    members[_CONTENT] = artefacts.canonical_json(content).encode()
    members |= {f"networks/{name}.keras": held for name, held in (keras or {}).items()}
    with artefacts.writing(path, check=load, rows=len(model.classes)) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(members):
                info = zipfile.ZipInfo(name, _DATE)
                info.create_system, info.external_attr = 3, 0o644 << 16  # Unix, wherever it is made
                archive.writestr(info, members[name])


def load(path: str | Path) -> ExportedModel:
    """Read an exported model.

    Raises
    ------
    ValueError
        One sentence, where the file is no exported model, is damaged, was written in a newer format,
        or holds something that such a file does not; or is not there.
    """
    path = Path(path)
    digest = hashlib.sha256()
    try:
        opened = open(path, "rb")
    except OSError as error:
        expected = "expected a file that rule export has made"
        raise ValueError(f"{path} cannot be read ({error.strerror}); {expected}") from None
    with opened as file:
        while block := file.read(_BLOCK):
            digest.update(block)
        try:
            with zipfile.ZipFile(file) as archive:
                return _loaded(archive, path, digest.hexdigest())
        # zipfile raises these for archives that were made to confuse it, as for an offset out of the file
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
            is_archive = zipfile.is_zipfile(path)
            what = "is damaged" if is_archive else "is no exported model, which is a zip archive"
            raise ValueError(f"{path} {what} ({error}); get the file again") from None


def _loaded(archive: zipfile.ZipFile, path: Path, digest: str) -> ExportedModel:
    """Return the model in an open archive."""
    held, content = _opened(archive, path)
    expected = {_CONTENT}
    frontends, stages = {}, []
    for name, about in content.frontends.items():
        settings = dict(about.settings)
        if about.has_bank:
            expected.add(member := _bank_name(name))
            bank = _array(_member(archive, held, member, path), member, path)
            n_bands = base.n_bands(settings)
            if bank.shape != (n_bands, base.n_bins(settings)):
                raise ValueError(
                    f"{path}: {member} has shape {bank.shape}; expected {n_bands} bands of "
                    f"{base.n_bins(settings)} bins"
                )
            # imported here: SciPy takes longer to import than the rest of a model
            import scipy.sparse

            settings["bank"] = scipy.sparse.csr_array(bank)
        network = b""
        if about.has_network:
            expected.add(member := _frontend_network_name(name))
            network = _member(archive, held, member, path)
            try:
                operators.check_bundled(network, (settings.get("network") or {}).get("sha256"))
            except ValueError as error:
                raise ValueError(f"{path}: {member} {error}; get the file again") from None
        frontends[name] = Frontend(settings, about.audio, network)
    for about in content.stages:
        networks = []
        for one in about.networks:
            network = Network(one.member, one.weights, b"", one.has_frames)
            expected.add(member := _network_name(about.name, network))
            onnx = _member(archive, held, member, path)
            try:
                operators.check_network(onnx, one.has_frames)
            except ValueError as error:
                raise ValueError(f"{path}: {member} {error}; get the file again") from None
            networks.append(dataclasses.replace(network, onnx=onnx))
        kept = {f.name: getattr(about, f.name) for f in dataclasses.fields(Stage)[:-1]}
        stages.append(Stage(**kept, networks=tuple(networks)))
    others = sorted(name for name in set(held) - expected if not name.endswith(".keras"))
    if others:
        raise ValueError(f"{path} holds {others[0]!r}, which no exported model does")
    plain = {
        f.name: getattr(content, f.name)
        for f in dataclasses.fields(ExportedModel)
        if f.name not in ("classes", "frontends", "stages", "digest")
    }
    plain["pooling"] = content.pooling.model_dump()
    plain["decodings"] = changed(content.decodings, lambda v: math.nan if v is None else v)
    return ExportedModel(
        **plain, classes=tuple(content.classes), frontends=frontends, stages=tuple(stages),
        digest=digest,
    )  # fmt: skip


def _opened(archive: zipfile.ZipFile, path: Path) -> tuple[dict[str, zipfile.ZipInfo], Content]:
    """Return members by name and the content; refuse what would be more than the file's bytes."""
    held: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        # stored as they are: a small file cannot become a large one
        is_plain = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1
        if not is_plain or info.file_size != info.compress_size or info.filename in held:
            raise ValueError(
                f"{path} holds {info.filename!r} compressed, encrypted or twice; an exported model "
                "holds each member once and as it is"
            )
        held[info.filename] = info
    total, size = sum(info.file_size for info in held.values()), path.stat().st_size
    if total > size:
        raise ValueError(f"{path} claims {total} bytes of members in {size} bytes; get it again")
    if _CONTENT not in held:
        raise ValueError(f"{path} is no exported model: it holds no {_CONTENT}")
    if held[_CONTENT].file_size > _MOST_CONTENT:
        raise ValueError(
            f"{path}: {_CONTENT} has {held[_CONTENT].file_size} bytes; that is no model"
        )
    try:
        # NaN and infinities are no JSON: as a key that is not there they end in a KeyError
        found = json.loads(_member(archive, held, _CONTENT, path), parse_constant={}.__getitem__)
    except (ValueError, RecursionError, KeyError) as error:
        raise ValueError(f"{path} is damaged: {_CONTENT} is no JSON ({error})") from None
    version = found.get("format") if isinstance(found, dict) else None
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"{path} is no exported model: its format is {version!r}, not {FORMAT}")
    if version > FORMAT:
        raise ValueError(
            f"{path} has format {version}, this version of dawnchorus reads formats up to {FORMAT}; "
            "update dawnchorus"
        )
    try:
        return held, checked_content(found)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _member(archive: zipfile.ZipFile, held: Mapping, name: str, path: Path) -> bytes:
    if name not in held:
        raise ValueError(f"{path} is not whole: {name} is missing; get the file again")
    return archive.read(held[name])  # the check sum is compared


def _array(content: bytes, name: str, path: Path) -> np.ndarray:
    """Return a float32 array of two axes, of a file whose shape agrees with its bytes."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"version {version}")
        shape, in_columns, dtype = np.lib.format.read_array_header_1_0(file)
        n_bytes = len(content) - file.tell()
        is_sound = dtype == np.dtype("<f4") and len(shape) == 2 and not in_columns
        if not is_sound or 4 * shape[0] * shape[1] != n_bytes:
            raise ValueError(f"{dtype} of shape {shape} in {n_bytes} bytes")
    except (ValueError, SyntaxError, TypeError) as error:
        raise ValueError(
            f"{path}: {name} is no float32 array of two axes ({error}); get the file again"
        ) from None
    values = np.frombuffer(content, "<f4", offset=len(content) - n_bytes).reshape(shape)
    if not np.isfinite(values).all():
        raise ValueError(f"{path}: {name} holds numbers that are not finite; get the file again")
    return values


def _bank_name(frontend: str) -> str:
    return f"frontends/{frontend}.bank.npy"


def _frontend_network_name(frontend: str) -> str:
    return f"frontends/{frontend}.network.onnx"


def _network_name(stage: str, network: Network) -> str:
    return f"networks/{stage}.{network.member}.{network.weights}.onnx"
