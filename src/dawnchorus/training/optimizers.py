"""Optimisers by name, with the options their Keras class takes.

* `make`: an optimiser.
"""

import inspect
from collections.abc import Mapping

import keras

CLASSES = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}
OPTIONS = ("beta_1", "beta_2", "epsilon", "momentum", "nesterov", "rho", "weight_decay")


def make(name: str, learning_rate: float, options: Mapping) -> keras.optimizers.Optimizer:
    """Return an optimiser.

    Parameters
    ----------
    name : {"adam", "adamw", "rmsprop", "sgd"}
    learning_rate : float
        Of the first epoch.
    options : mapping
        Some of `OPTIONS`; what is left out is Keras' default.

    Raises
    ------
    ValueError
        Where the name is unknown or its class does not take an option.
    """
    if name not in CLASSES:
        raise ValueError(f"optimizer {name!r}; expected one of {', '.join(CLASSES)}")
    parameters = inspect.signature(CLASSES[name].__init__).parameters
    taken = [option for option in OPTIONS if option in parameters]
    for option in options:
        if option not in taken:
            raise ValueError(
                f"optimizer_options: {name} takes no {option!r}; expected {', '.join(taken)}"
            )
    return CLASSES[name](learning_rate=learning_rate, **options)
