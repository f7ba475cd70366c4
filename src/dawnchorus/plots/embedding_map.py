"""A corpus as a map: recordings that sound alike lie near each other.

* `places`: embeddings in two dimensions, by t-SNE (van der Maaten and Hinton 2008,
  https://www.jmlr.org/papers/v9/vandermaaten08a.html).
* `draw`: the picture, coloured by class, site or whatever groups recordings.

Distances between far clusters mean nothing, nor do the sizes of clusters; who is near whom does.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dawnchorus.plots import png
from dawnchorus.plots.canvas import plain_style
from dawnchorus.runtime import artefacts

LEAST = 4  # recordings: fewer have no map
_PERPLEXITY = 30
_COMPONENTS = 50  # before t-SNE, as its authors did
_COLOURS = 20  # of Matplotlib's tab20; further groups share the last, grey one


def places(values: np.ndarray, seed: int = 1) -> np.ndarray:
    """Return a place (N, 2) for each embedding (N, K); equal input gives an equal map.

    Raises
    ------
    ValueError
        For fewer than `LEAST` embeddings.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    n = len(values)
    if n < LEAST:
        raise ValueError(f"{n} recordings; expected at least {LEAST}, or there is nothing to map")
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    values = values / np.maximum(
        norms, np.finfo(np.float32).tiny
    )  # the angle counts, not the level
    with threadpool_limits(1):
        components = min(_COMPONENTS, n, values.shape[1])
        values = PCA(components, random_state=seed, svd_solver="full").fit_transform(values)
        perplexity = min(_PERPLEXITY, (n - 1) / 3)
        return TSNE(
            perplexity=perplexity, metric="euclidean", init="pca", random_state=seed
        ).fit_transform(values)


def draw(path: str | Path, found: np.ndarray, groups: Sequence[str], title: str) -> None:
    """Draw a map, its largest groups in colours of their own.

    Parameters
    ----------
    path : path
        PNG.
    found : array, shape (N, 2)
    groups : sequence of str, length N
    title : str
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names, counts = np.unique(np.array(groups, np.str_), return_counts=True)
    order = names[np.lexsort((names, -counts))]
    with plain_style():
        figure = Figure((9, 7), dpi=128, facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.03, 0.03, 0.68, 0.9))
        axes.set_title(title, parse_math=False)  # names of files may hold dollar signs
        axes.set(xticks=[], yticks=[])
        for number, name in enumerate(order[:_COLOURS].tolist()):
            rows = np.array(groups) == name
            colour = colormaps["tab20"](number)
            label = f"{name} ({int(rows.sum())})"
            axes.scatter(*found[rows].T, s=14, color=colour, label=label, linewidths=0)
        others = ~np.isin(groups, order[:_COLOURS])
        if others.any():
            label = f"{len(order) - _COLOURS} others ({int(others.sum())})"
            axes.scatter(*found[others].T, s=14, color="0.7", label=label, linewidths=0)
        legend = axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)
        with artefacts.writing(path, check=png.check) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})
