"""AlexNet for spectrograms: the default network of Toth and Czeba (BirdCLEF 2016, system 001).

Toth and Czeba (2016), "Convolutional neural networks for large-scale bird song classification in
noisy environment", CLEF working notes; the layers are those of their code. Five convolutions,
then two wide dense layers over the whole window, whose length is therefore fixed.

Input is time x band, low bands first, channels last: (B, 310, 200) as published. The original has
band x time and channels first, (B, 1, 200, 310), and normalises along time by mistake: `norm_axis`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

OUTPUTS = ("clip",)
HEAD = "softmax"  # by default

KERNEL, STRIDE = 16, 6  # of the first convolution, both axes
SMALLEST = (82, 82)  # frames, bands: one cell is left after the last pooling


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    *,
    filters: Sequence[int] = (96, 256, 384, 384, 256),
    dense: Sequence[int] = (4096, 4096),
    dropout: float = 0.5,
    head: str = "softmax",
    norm_axis: str = "channel",
) -> "keras.Model":
    """Build AlexNet: 39,953,095 weights for 310 x 200 and 999 classes (39,950,999 by time).

    Parameters
    ----------
    input_shape : (int, int)
        T frames and F bands, at least 82 x 82.
    n_classes : int
        C.
    output : {"clip"}
        Scores per clip.
    filters : five ints
        Channels of the convolutions.
    dense : ints
        Units of the dense layers before the last.
    dropout : float
        Rate before every dense layer, in [0, 1).
    head : {"softmax", "sigmoid"}
        Softmax gives (B, 2) for one class: absent, present.
    norm_axis : {"channel", "time"}
        What has its own mean and variance in batch normalisation; time as the original's code.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C).
    """
    import keras

    from dawnchorus.models import blocks, toth2016_blocks

    blocks.check_input("alexnet", input_shape, SMALLEST)
    toth2016_blocks.check("alexnet", filters, 5, dense, dropout, head, norm_axis)
    spectrogram = keras.Input(input_shape, name="spectrogram")
    x = _convolutions(blocks.channel(spectrogram), filters, norm_axis)
    for number, units in enumerate(dense, 1):
        x = blocks.dropped(x, dropout, f"drop{number}")
        x = toth2016_blocks.dense(x, units, f"dense{number}")
    x = blocks.dropped(x, dropout, f"drop{len(dense) + 1}")
    return keras.Model(spectrogram, blocks.dense_scores(x, n_classes, head), name="alexnet")


def _convolutions(x, filters: Sequence[int], norm_axis: str):
    from keras import layers

    from dawnchorus.models import toth2016_blocks

    convolution = toth2016_blocks.convolution
    glorot_normal = toth2016_blocks.glorot_normal()
    x = convolution(x, filters[0], (KERNEL, KERNEL), "conv1", STRIDE, initialiser=glorot_normal)
    x = toth2016_blocks.normalised(x, norm_axis, "norm1")
    x = toth2016_blocks.pooled(x, "pool1")
    x = convolution(x, filters[1], (3, 3), "conv2", initialiser="lecun_uniform")
    x = toth2016_blocks.normalised(x, norm_axis, "norm2")
    x = toth2016_blocks.pooled(x, "pool2")
    for number in (3, 4, 5):
        x = convolution(x, filters[number - 1], (3, 3), f"conv{number}", padding="same")
    x = toth2016_blocks.normalised(x, norm_axis, "norm5")
    x = toth2016_blocks.pooled(x, "pool5")
    return layers.Flatten(name="flatten")(x)
