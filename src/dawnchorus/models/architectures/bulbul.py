"""Bulbul: the winner of the Bird Audio Detection challenge 2017, by Thomas Grill.

Grill and Schlueter (2017), "Two convolutional neural networks for bird detection in audio
signals", EUSIPCO; the layers are those of the winning code. Four convolutions with pooling, then
dense layers over the whole clip, whose length is therefore fixed.

Input is time x mel band, low bands first, channels last: (B, 1000, 80) as published. The original
has channels first (B, 1, 1000, 80) with the same order of time and bands.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

OUTPUTS = ("clip",)
HEAD = "sigmoid"  # by default

# kernel and pool, frames x bands
STAGES = (
    ((3, 3), (3, 3)),
    ((3, 3), (3, 3)),
    ((3, 1), (3, 1)),
    ((3, 1), (3, 1)),
)


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    *,
    filters: Sequence[int] = (16, 16, 16, 16),
    dense: Sequence[int] = (256, 32),
    dropout: float = 0.5,
    head: str = "sigmoid",
    input_offset: float = 0.0,
) -> "keras.Model":
    """Build bulbul: 373,009 trainable weights for 1000 x 80 and one class.

    Parameters
    ----------
    input_shape : (int, int)
        T frames and F mel bands, at least 161 x 17.
    n_classes : int
        C.
    output : {"clip"}
        Scores per clip.
    filters : four ints
        Channels of the convolutions.
    dense : ints
        Units of the dense layers before the last.
    dropout : float
        Rate before every dense layer, in [0, 1).
    head : {"sigmoid", "softmax"}
        Softmax gives (B, 2) for one class: absent, present.
    input_offset : float
        In training, every clip is shifted by a number from -input_offset to input_offset, in
        deviations of the normalised input; 0 for none.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C).
    """
    import keras

    from dawnchorus.models import blocks

    blocks.check_input("bulbul", input_shape, blocks.smallest_input(STAGES))
    blocks.check_options("bulbul", dropout, head, input_offset, filters, len(STAGES))
    spectrogram = blocks.spectrogram(input_shape)
    x = blocks.band_norm(spectrogram)
    x = blocks.random_offset(x, input_offset)
    x = blocks.convolutions(blocks.channel(x), filters, STAGES)
    for number, units in enumerate(dense, 1):
        x = blocks.dropped(x, dropout, name=f"drop{number}")
        x = blocks.dense(x, units, name=f"dense{number}")
    x = blocks.dropped(x, dropout, name=f"drop{len(dense) + 1}")
    return keras.Model(spectrogram, blocks.dense_scores(x, n_classes, head), name="bulbul")
