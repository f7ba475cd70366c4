"""Targets of a stage for tests, from rows."""

import numpy as np

from dawnchorus.targets import targets_table


def write_targets(path, class_names, rows):
    """Write rows of corpus, id, fold, part and a value per class."""
    columns = list(zip(*rows, strict=True))
    targets_table.write(
        path,
        targets_table.Targets(
            recordings=list(zip(*columns[:2], strict=True)),
            fold=np.array(columns[2]),
            part=np.array(columns[3]),
            values=np.array(columns[4:], np.float32).T,
            class_names=list(class_names),
        ),
    )
    return path
