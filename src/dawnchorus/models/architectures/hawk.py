"""Hawk: timbre and rhythm side by side, then residual convolutions over time (dsr2019).

The DSR bird song classifier (2019), after Pons et al. (2018), "End-to-end learning for music audio
tagging at scale", https://arxiv.org/abs/1711.02520: kernels that span most of the bands see timbre, long
ones over the mean of the bands see rhythm. Input is time x mel band, channels last: (B, 216, 256) as
published; the original is band x time.

The original exchanges the axes: its tall kernels run along time, its sequence is that of the bands
(``swapped_axes``), and it trains a sigmoid's outputs as if they were logits (``double_squashing``). Both
leave the number of weights as it is.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from dawnchorus.models import dsr2019_blocks
from dawnchorus.settings.architecture import exactly
from dawnchorus.settings.section import Few, Rate, Unit

if TYPE_CHECKING:
    import keras

TALL_SHARES = (0.9, 0.4)  # of the bands, that a kernel of timbre spans
TIMBRE = (7, 3, 1)  # frames of the kernels of timbre
RHYTHM = (165, 125, 65, 31)  # frames of those of rhythm
REACH = 7  # frames of the residual convolutions


class Settings(dsr2019_blocks.SliceSettings):
    """Hawk of dsr2019, after Pons et al. (2018)."""

    name: Literal["hawk"] = "hawk"
    """The architecture."""
    filters: exactly(3) = [16, 32, 64]
    """Channels of the kernels of timbre, the longest first; there are two sets of them."""
    rhythm_filters: exactly(4) = [16, 32, 64, 128]
    """Channels of the kernels of rhythm, the longest first."""
    width: Annotated[Few, Unit("channels")] = 512
    """Channels of the residual convolutions, and units of the dense layer behind them."""
    dropout: Rate = 0.5
    """Dropout before either dense layer."""
    swapped_axes: bool = False
    """A fault of dsr2019, to reproduce it: kernels of timbre run along time, the sequence is of bands."""
    double_squashing: bool = False
    """A fault of dsr2019, to reproduce it: a sigmoid before the softmax, so that scores stay close."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input: two steps are left to pool."""
        steps = REACH + 1
        return (3, 2 * steps) if self.swapped_axes else (steps, 6)


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build Hawk: 5,975,014 trainable weights for 216 x 256 and 100 classes.

    Parameters
    ----------
    input_shape : (int, int)
        T frames and F bands, at least `Settings.least_input`.
    n_classes : int
        C.
    output : {"clip"}
        Scores per clip.
    settings : Settings
        The options.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C).
    """
    import keras
    from keras import layers

    from dawnchorus.models import blocks

    spectrogram = blocks.spectrogram(input_shape)
    x = layers.AveragePooling2D((1, 2), name="halved")(blocks.channel(spectrogram))
    tall = [int(share * x.shape[2]) for share in TALL_SHARES]
    if settings.swapped_axes:
        x = layers.Permute((2, 1, 3), name="swapped")(x)
    if x.shape[2] < max(tall):
        raise ValueError(
            f"model hawk: swapped_axes needs windows of {max(tall)} frames for {input_shape[1]} bands, "
            f"received {input_shape[0]}; use longer windows or swapped_axes: false"
        )
    # from here on steps x span: frames x bands, or bands x frames where swapped
    parts = [
        timbre(x, filters, steps, span, f"_{span}x{steps}")
        for span in tall for filters, steps in zip(settings.filters, TIMBRE, strict=True)
    ]  # fmt: skip
    mean = layers.AveragePooling2D((1, x.shape[2]), name="mean")(x)
    parts += [
        dsr2019_blocks.block(mean, filters, (steps, 1), f"_{steps}", padding="same")
        for filters, steps in zip(settings.rhythm_filters, RHYTHM, strict=True)
    ]
    # (B, 105, 1, 512) of 216 steps
    x = residual(layers.Concatenate(name="both")(parts), settings.width)
    found = [
        layers.GlobalMaxPooling2D(name="highest")(x),
        layers.GlobalAveragePooling2D(name="average")(x),
    ]
    x = blocks.dropout(layers.Concatenate(name="pooled")(found), settings.dropout, "drop1")
    x = dsr2019_blocks.normalisation(
        dsr2019_blocks.dense(x, settings.width, "dense1"), "dense1_norm"
    )
    x = blocks.dropout(dsr2019_blocks.rectified(x, "dense1_relu"), settings.dropout, "drop2")
    n_logits = blocks.n_logits(n_classes, settings.head)
    logits = dsr2019_blocks.dense(x, n_logits, "clip_logits")
    if settings.double_squashing:
        logits = layers.Activation("sigmoid", name="squashed")(logits)
    return keras.Model(spectrogram, blocks.scores(logits, settings.head), name="hawk")


def timbre(x, filters: int, steps: int, span: int, name: str):
    """Apply a kernel over most of the span, the maximum over where it fits: (B, steps, 1, filters)."""
    from keras import layers

    x = layers.ZeroPadding2D((steps // 2, 0), name=f"pad{name}")(x)
    places = x.shape[2] - span + 1
    return dsr2019_blocks.block(x, filters, (steps, span), name, pool=(1, places))


def residual(x, width: int):
    """Apply three convolutions over the steps, two of which are added to what they come from."""
    from keras import layers

    x = dsr2019_blocks.block(x, width, (REACH, 1), "1")
    y = dsr2019_blocks.block(x, width, (REACH, 1), "2", padding="same")
    x = layers.Add(name="sum2")([x, y])
    x = layers.MaxPooling2D((2, 1), name="pool2")(x)
    y = dsr2019_blocks.convolution(x, width, (REACH, 1), "conv3", padding="same")
    # as one picture of steps x channels: one mean and deviation of all
    y = layers.Reshape((x.shape[1], width, 1), name="picture")(y)
    y = dsr2019_blocks.normalisation(y, "norm3")
    y = layers.Reshape((x.shape[1], 1, width), name="steps")(y)
    return layers.Add(name="sum3")([x, dsr2019_blocks.rectified(y, "relu3")])
