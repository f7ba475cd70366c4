"""Intervals of proportions, such as the precision of detections that a person has checked.

* `wilson_interval`: of one proportion.
* `stratified_proportion`: of a sample that was drawn from strata of known sizes.

Only NumPy and the standard library: commands of an exported model use it.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist


def wilson_interval(share: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval.

    Wilson (1927); Brown, Cai and DasGupta (2001), https://doi.org/10.1214/ss/1009213286: close to its
    nominal coverage for small n too, and inside [0, 1].

    Parameters
    ----------
    share : float
        Of successes, in [0, 1].
    n : float
        Trials; may be an effective number, and infinite: then the share is known exactly.
    confidence : float
        In (0, 1).

    Returns
    -------
    low, high : float
        NaN where n is 0.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r}; expected more than 0 and less than 1")
    if n <= 0 or math.isnan(share):
        return math.nan, math.nan
    if math.isinf(n):
        return share, share
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # rounding must not put the end of an interval beyond what is certain
    low = 0.0 if share == 0 else centre - half
    high = 1.0 if share == 1 else centre + half
    return max(0.0, low), min(1.0, high)


def stratified_proportion(
    successes: Sequence[int],
    drawn: Sequence[int],
    sizes: Sequence[int],
    confidence: float = 0.95,
) -> tuple[float, float, float]:
    """Return a proportion over strata, each weighted by its size, and its interval.

    The estimate is that of Cochran (1977), section 5.3. The interval is Wilson's with the effective
    number of trials that the weights leave (Kish 1965, with the correction for strata that were drawn
    to a large part): it takes the strata for equally likely to be right. Where they are not it is too
    wide rather than too narrow, and unlike the usual variance it is none of 0 where all that was
    drawn is right.

    Parameters
    ----------
    successes, drawn, sizes : sequence of int
        Of each stratum: how many of those drawn are successes, how many were drawn, and how many
        there are. A stratum of which none was drawn is left out: it says nothing.
    confidence : float
        In (0, 1).

    Returns
    -------
    share, low, high : float
        NaN where nothing was drawn.
    """
    strata = [one for one in zip(successes, drawn, sizes, strict=True) if one[1]]
    if wrong := [one for one in strata if not 0 <= one[0] <= one[1] <= one[2]]:
        raise ValueError(
            f"a stratum has {wrong[0][0]} successes of {wrong[0][1]} drawn of {wrong[0][2]}; expected "
            "no more than were drawn, and no more drawn than there are"
        )
    if not strata:
        return math.nan, math.nan, math.nan
    total = sum(size for *_, size in strata)
    share = sum(size / total * hits / n for hits, n, size in strata)
    spread = sum((size / total) ** 2 * (1 - n / size) / n for _, n, size in strata)
    return share, *wilson_interval(share, 1 / spread if spread > 0 else math.inf, confidence)
