"""The zoo: one module per architecture in ``architectures/``, found by its name.

Every module has ``build(input_shape, n_classes, output, **options) -> keras.Model``, and says what
the rest must know of it: ``OUTPUTS``, some of "clip" and "frame"; ``HEAD``, what its scores come from
by default, "sigmoid" or "softmax"; and, where it has frame output, ``frames_per_score(options)``. A
model takes spectrograms of shape (B, T, F), time first, then bands in the order of the frontend, and
gives scores in [0, 1]; inside, one channel is added last. Models hold Keras layers and `keras.ops`,
so that every backend runs them (one layer takes another way to the same numbers on TensorFlow);
augmentation is the training's work, not theirs. A new architecture is a new module there.

* `names`: the names there are.
* `architecture`: the module of a name.
* `build`: a model by name.

Nothing here loads Keras before a model is built.
"""

import difflib
import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import TYPE_CHECKING

from dawnchorus.models import architectures

if TYPE_CHECKING:
    import keras

RENAMED = {"birdclef2016": "toth2016"}


def names() -> tuple[str, ...]:
    """Return the names of the architectures, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(architectures.__path__)))


def architecture(name: str) -> ModuleType:
    """Return the module of an architecture.

    Raises
    ------
    ValueError
        Where there is none of this name.
    """
    if name in RENAMED:
        raise ValueError(f"model {name!r} is called {RENAMED[name]!r} now")
    if name not in names():
        raise ValueError(f"model {name!r}; expected {', '.join(names())}{_nearest(name, names())}")
    return importlib.import_module(f"dawnchorus.models.architectures.{name}")


def build(
    name: str, input_shape: tuple[int | None, int], n_classes: int, output: str, **options
) -> "keras.Model":
    """Build a model with fresh weights, drawn from Keras' global seed as its architecture has it.

    Parameters
    ----------
    name : str
        One of `names`.
    input_shape : (int or None, int)
        T frames and F bands; None where the architecture takes any number of frames.
    n_classes : int
        C, at least 1.
    output : {"clip", "frame"}
        One row of scores per clip, shape (B, C); (B, 2) for one class under a softmax head, the
        last column being the class. Or one per frame, shape (B, T', C), where the architecture has
        it.
    **options
        What the module's own ``build`` takes, by keyword.

    Raises
    ------
    ValueError
        Where the name, an option or the output is unknown, or the input is too small.
    """
    module = architecture(name)
    if output not in module.OUTPUTS:
        raise ValueError(f"model {name}: output {output!r}; expected {' or '.join(module.OUTPUTS)}")
    if isinstance(n_classes, bool) or not isinstance(n_classes, int) or n_classes < 1:
        raise ValueError(f"model {name}: n_classes {n_classes!r}; expected 1 or more")
    _check_options(name, module.build, options)
    return module.build(tuple(input_shape), n_classes, output, **options)


def _check_options(name: str, function, options: dict) -> None:
    parameters = inspect.signature(function).parameters.values()
    known = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise ValueError(
                f"model {name}: option {option!r}; expected {', '.join(known)}"
                f"{_nearest(option, known)}"
            )


def _nearest(name: str, known) -> str:
    near = difflib.get_close_matches(str(name), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
