"""Models as files.

* `load`: a model that was saved.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def load(path: str | Path) -> "keras.Model":
    """Load a model saved as ``.keras``, of any architecture, for predicting (not compiled)."""
    import keras

    from dawnchorus.models import blocks, fast_layers, frame_pooling, recurrent

    # Keras finds them only where they are handed over
    own = (*blocks.LAYERS, *fast_layers.LAYERS, *frame_pooling.LAYERS, *recurrent.LAYERS)
    own = {layer.__name__: layer for layer in own}
    return keras.saving.load_model(path, custom_objects=own, compile=False)
