"""How often intervals of AUROC hold the true value where clips are composed of shared sources.

Sets of clips are made again and again: as many clips, and sources a clip, as the test part of composed
bird presence has. A clip's score is its class, an effect of each of its sources, and noise of its own.
The true AUROC is the mean over many sets. Intervals at 95 % are drawn over clips, as if each stood alone,
and over sources (`dawnchorus.metrics.bootstrap`); printed is how many hold it, and how wide they are.

    python benchmarks/interval_coverage.py            # about a minute on one idle core
    python benchmarks/interval_coverage.py --smoke    # seconds

Aim: intervals over sources hold the true value in 95 % of the sets at least, whatever the effect.
"""

import argparse

import numpy as np

from dawnchorus.metrics import bootstrap, roc

N_CLIPS, N_SOURCES = 120, 103
EACH = {2: 22, 3: 56, 4: 15, 5: 20, 6: 7}  # clips by their number of sources
SEPARATION = 2.2  # of the classes, in deviations of the noise
EFFECTS = (0.0, 0.5, 1.0)  # deviation of the effect of a source
CONFIDENCE = 0.95


def composition(rng) -> np.ndarray:
    """Return the sources of clips, shape (N, 6), -1 where a clip has fewer; some sources are common."""
    share = rng.gamma(1.0, size=N_SOURCES)
    sources = np.full((N_CLIPS, max(EACH)), -1)
    for row, n in enumerate(np.repeat(list(EACH), list(EACH.values()))):
        sources[row, :n] = rng.choice(N_SOURCES, n, replace=False, p=share / share.sum())
    return sources


def scores(targets: np.ndarray, sources: np.ndarray, effect: float, rng) -> np.ndarray:
    """Return a score for each clip of a set whose sources are drawn anew."""
    effects = np.append(rng.normal(scale=effect, size=N_SOURCES), 0.0)  # -1 has none
    return SEPARATION * targets + effects[sources].sum(axis=1) + rng.normal(size=len(targets))


def coverage(effect: float, n_sets: int, n_replicates: int, n_true: int) -> dict[str, tuple]:
    """Return by unit the share of intervals that hold the true AUROC, and their mean width."""
    rng = np.random.default_rng(7)
    targets, sources = rng.permutation(np.arange(N_CLIPS) % 2), composition(rng)
    true = np.mean(
        [roc.auroc(targets, scores(targets, sources, effect, rng)) for _ in range(n_true)]
    )
    units = {"clips": np.arange(N_CLIPS), "sources": sources}
    found = {unit: [] for unit in units}
    for _ in range(n_sets):
        drawn = scores(targets, sources, effect, rng)
        for unit, groups in units.items():
            weights = bootstrap.bootstrap_weights(groups, n_replicates, rng)
            low, high = bootstrap.interval(roc.auroc(targets, drawn, weights), CONFIDENCE)
            found[unit].append((low <= true <= high, high - low))
    return {unit: (true, *np.mean(rows, axis=0)) for unit, rows in found.items()}


def main() -> None:
    """Print a line for each effect and unit, and whether the aim is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="few sets: whether it runs at all")
    parser.add_argument("--folder", help="not used: nothing is written")
    is_smoke = parser.parse_args().smoke
    counts = (5, 50, 20) if is_smoke else (300, 300, 3000)
    print("effect of a source  units    true AUROC  hold it  width")
    lowest = 1.0
    for effect in EFFECTS:
        for unit, (true, share, width) in coverage(effect, *counts).items():
            print(f"{effect:18.1f}  {unit:8} {true:10.3f}  {share:6.1%}  {width:.3f}")
            lowest = min(lowest, share if unit == "sources" else 1.0)
    verdict = "meets" if lowest >= CONFIDENCE else "MISSES"
    print(f"intervals over sources: {lowest:.1%} at least; {verdict} the aim of {CONFIDENCE:.0%}")


if __name__ == "__main__":
    main()
