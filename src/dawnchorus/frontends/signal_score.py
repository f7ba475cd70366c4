"""How much signal a chunk holds.

* `signal_to_noise`: system 002's rule.
"""

import numpy as np

ROW_FACTOR, COLUMN_FACTOR = 1.25, 1.15


def signal_to_noise(image: np.ndarray) -> float:
    """Return the share of an image that stands out from its row and its column.

    A value counts where it is above 0 and at least 1.25 times the median of its row (one band over
    time) and 1.15 times that of its column. A median filter of 3 x 3 (edges repeated) takes single
    values away, a morphological closing of 3 x 3 (nothing beyond the edges) fills gaps.

    Parameters
    ----------
    image : array, shape (F, T), float32
        Of values 0 to 1, before they are rounded to 8 bits.

    Returns
    -------
    float
        0 to 1; 0 for an image with a value that is not a number.
    """
    if np.ndim(image) != 2 or 0 in np.shape(image):
        raise ValueError(f"received an image of shape {np.shape(image)}; expected (F, T)")
    row_median = np.median(image, axis=1, keepdims=True)
    column_median = np.median(np.ascontiguousarray(image.T), axis=1)
    if np.isnan(column_median).any():
        return 0.0
    stands_out = (image > 0) & (image >= row_median * np.float32(ROW_FACTOR))
    stands_out &= image >= column_median * np.float32(COLUMN_FACTOR)
    filtered = _around(stands_out, mode="edge") >= 5
    dilated = _around(filtered, mode="constant") >= 1
    closed = _around(dilated, mode="constant", constant_values=True) == 9
    return float(np.count_nonzero(closed) / closed.size)


def _around(mask: np.ndarray, **padding) -> np.ndarray:
    """Return how many values of each 3 x 3 neighbourhood are set, beyond the edges by ``padding``.

    The median, dilation and erosion of a mask are thresholds of this, faster than general filters.
    """
    near = np.pad(mask.astype(np.uint8), 1, **padding)
    near = near[:-2] + near[1:-1] + near[2:]
    return near[:, :-2] + near[:, 1:-1] + near[:, 2:]
