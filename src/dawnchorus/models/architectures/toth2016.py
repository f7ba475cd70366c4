"""The "BirdClef" network of Toth and Czeba (BirdCLEF 2016, system 001).

Toth and Czeba (2016), "Convolutional neural networks for large-scale bird song classification in
noisy environment", CLEF working notes; the layers are those of their code. Four convolutions,
then two dense layers over the whole window, whose length is therefore fixed.

Input is time x band, low bands first, channels last: (B, 310, 200) as published. The original has
band x time and channels first, (B, 1, 200, 310), so its kernel of 5 x 3 is 3 x 5 here; it
normalises along time by mistake: `norm_axis`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

OUTPUTS = ("clip",)
HEAD = "softmax"  # by default

KERNEL, STRIDE = 16, 8  # of the first convolution, both axes
SMALLEST = (104, 136)  # frames, bands: one cell is left after the last pooling


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    *,
    filters: Sequence[int] = (128, 256, 384, 384),
    dense: Sequence[int] = (2048, 2048),
    dropout: float = 0.5,
    head: str = "softmax",
    norm_axis: str = "channel",
) -> "keras.Model":
    """Build BirdClef: 15,276,647 weights for 310 x 200 and 999 classes (15,274,183 by time).

    Parameters
    ----------
    input_shape : (int, int)
        T frames and F bands, at least 104 x 136.
    n_classes : int
        C.
    output : {"clip"}
        Scores per clip.
    filters : four ints
        Channels of the convolutions.
    dense : ints
        Units of the dense layers before the last.
    dropout : float
        Rate after every dense layer but the last, in [0, 1); none before the first, as published.
    head, norm_axis
        As for `dawnchorus.models.architectures.alexnet.build`.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C).
    """
    import keras

    from dawnchorus.models import blocks, toth2016_blocks

    blocks.check_input("toth2016", input_shape, SMALLEST)
    toth2016_blocks.check("toth2016", filters, 4, dense, dropout, head, norm_axis)
    spectrogram = keras.Input(input_shape, name="spectrogram")
    x = _convolutions(blocks.channel(spectrogram), filters, norm_axis)
    for number, units in enumerate(dense, 1):
        x = toth2016_blocks.dense(x, units, f"dense{number}")
        x = blocks.dropped(x, dropout, f"drop{number}")
    return keras.Model(spectrogram, blocks.dense_scores(x, n_classes, head), name="toth2016")


def _convolutions(x, filters: Sequence[int], norm_axis: str):
    from keras import layers

    from dawnchorus.models import toth2016_blocks

    convolution = toth2016_blocks.convolution
    x = convolution(x, filters[0], (KERNEL, KERNEL), "conv1", STRIDE, initialiser="lecun_uniform")
    x = toth2016_blocks.pooled(x, "pool1")
    x = convolution(x, filters[1], (3, 5), "conv2")
    x = toth2016_blocks.normalised(x, norm_axis, "norm2")
    x = toth2016_blocks.pooled(x, "pool2")
    x = convolution(x, filters[2], (3, 3), "conv3", padding="same")
    x = convolution(x, filters[3], (3, 3), "conv4", padding="same")
    x = toth2016_blocks.normalised(x, norm_axis, "norm4")
    x = toth2016_blocks.pooled(x, "pool4")
    return layers.Flatten(name="flatten")(x)
