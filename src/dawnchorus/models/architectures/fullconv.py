"""Fullconv: a variant of bulbul whose convolutions reach down to one cell.

A variant of the winner of the Bird Audio Detection challenge 2017, for windows of 700 frames x 80
bands. Where nothing is published of it (leaky rectifiers of slope 0.01, normalised bands, valid
convolutions with bias), it is as bulbul: an inference.

Input is time x mel band, low bands first, channels last.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

OUTPUTS = ("clip",)
HEAD = "sigmoid"  # by default

# kernel and pool, frames x bands
STAGES = (
    ((5, 3), (3, 3)),
    ((5, 3), (3, 3)),
    ((3, 3), (3, 3)),
    ((3, 1), (3, 2)),
    ((3, 1), (3, 1)),
)


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    *,
    filters: Sequence[int] = (32, 32, 64, 128, 256),
    dropout: float = 0.5,
    head: str = "sigmoid",
    input_offset: float = 0.0,
) -> "keras.Model":
    """Build fullconv: 157,921 trainable weights for 700 x 80 and one class.

    Parameters
    ----------
    input_shape : (int, int)
        T frames and F mel bands, at least 493 x 80.
    n_classes : int
        C.
    output : {"clip"}
        Scores per clip.
    filters : five ints
        Channels of the convolutions.
    dropout, head, input_offset
        As for `dawnchorus.models.architectures.bulbul.build`.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C).
    """
    import keras

    from dawnchorus.models import blocks

    blocks.check_input("fullconv", input_shape, blocks.smallest_input(STAGES))
    blocks.check_options("fullconv", dropout, head, input_offset, filters, len(STAGES))
    spectrogram = blocks.spectrogram(input_shape)
    x = blocks.band_norm(spectrogram)
    x = blocks.random_offset(x, input_offset)
    x = blocks.convolutions(blocks.channel(x), filters, STAGES)
    x = blocks.dropped(x, dropout, name="drop1")
    return keras.Model(spectrogram, blocks.dense_scores(x, n_classes, head), name="fullconv")
