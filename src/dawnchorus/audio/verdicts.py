"""Verdicts on recordings: the closed lists of codes, and the tables that hold them.

Tables are CSV, which people open. That of a shard is read without pandas, whose import takes longer
than its some hundred rows; that of a corpus, which may have hundreds of thousands, is a data frame.

* `EXCLUSIONS`, `WARNINGS`: the codes; `Excluded` carries one out of the depth of the decoder.
* `Resampled`, `write_shard_table`, `read_shard_table`: the rows beside a shard.
* `write_verdicts`, `read_verdicts`, `lost_classes_of`: all recordings of a corpus in one table.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG

if TYPE_CHECKING:
    import pandas as pd

USED = "used"
EXCLUSIONS = (
    "AUDIO_EMPTY",  # 0 bytes
    "AUDIO_NO_SAMPLES",  # a header, but no samples
    "AUDIO_TRUNCATED",  # fewer bytes or frames than the header says
    "AUDIO_NONFINITE",  # NaN or infinity among the samples
    "AUDIO_RANGE",  # an amplitude beyond 1000 times full scale
    "AUDIO_TOO_SHORT",
    "AUDIO_TOO_LONG",
    "AUDIO_FORMAT",  # no audio format that is read here
    "AUDIO_DECODE",  # damaged inside
    "AUDIO_RATE",  # a sample rate outside 4-768 kHz
    "AUDIO_CHANGED",  # not the bytes that were listed
    "NAME_PERMISSION",
    "NOT_REGULAR",  # a folder, a pipe, a device
    "MISSING_FILE",
    "DECODER_CRASHED",
    "DECODER_TIMEOUT",
    "DECODER_MEMORY",
)
WARNINGS = (
    "FORMAT_EXTENSION_MISMATCH",  # mp3 inside .wav and the like
    "AUDIO_SILENT",  # every sample is zero
    "AUDIO_QUIET",  # a level below quiet_dbfs of the audio recipe; the detail gives it
    "AUDIO_DC",  # the mean of a channel exceeds a tenth of its peak
    "AUDIO_CLIPPED",  # over 10 % of a channel's samples at full scale
    "MIX_CANCEL",  # the mean of the channels is 20 dB below them
    "BANDWIDTH",  # recorded at a lower rate than the audio recipe's
    "AUDIO_LENIENT",  # kept although its end may be missing, or its header is wrong
    "AUDIO_UNREAD",  # a part that no decoder reads was left out; the detail gives its seconds
)
KEPT_ON_REQUEST = "allow_truncated keeps what is there"  # ends the details of such exclusions
VERDICT_COLUMNS = (
    "id", "verdict", "detail", "warnings", "duration_s", "source_rate", "lost_classes",
)  # fmt: skip
_INTEGERS = ("channels", "first_sample", "n_samples", "source_rate")
_SHOWN = 5  # offenders that a message names


class Excluded(Exception):
    """A recording cannot be used.

    Parameters
    ----------
    code : str
        One of `EXCLUSIONS`.
    detail : str
        What was found, without the recording's path: equal recordings give equal tables.
    """

    def __init__(self, code: str, detail: str = ""):
        super().__init__(code, detail)
        self.code, self.detail = code, detail


@dataclasses.dataclass(frozen=True)
class Resampled:
    """One row of a shard's table.

    Channel ``c`` of a recording is ``first_sample + c * n_samples`` onwards in the shard. An
    excluded recording has no channels and no samples. ``duration_s`` [s] and ``source_rate`` [Hz]
    are of the recording as it was found, 0 where they are not known.
    """

    id: str
    verdict: str
    detail: str
    channels: int
    first_sample: int
    n_samples: int
    duration_s: float
    source_rate: int
    warnings: tuple[str, ...]


COLUMNS = tuple(field.name for field in dataclasses.fields(Resampled))


def write_shard_table(path: str | Path, rows: Sequence[Resampled]) -> None:
    """Write the table of a shard."""
    values = [[getattr(row, column) for column in COLUMNS[:-1]] for row in rows]
    joined = [[*value, ";".join(row.warnings)] for value, row in zip(values, rows, strict=True)]
    artefacts.write_table(path, COLUMNS, joined)


def read_shard_table(path: str | Path) -> list[Resampled]:
    """Read the table of a shard: one row per listed recording, sorted by id.

    Raises
    ------
    ValueError
        Where the file is not such a table.
    """
    rows = []
    try:
        for values in artefacts.read_table(path):
            numbers = {column: int(values[column]) for column in _INTEGERS}
            duration_s, codes = float(values["duration_s"]), tuple(values["warnings"].split(";"))
            warnings = codes if codes != ("",) else ()
            rows.append(
                Resampled(**values | numbers | {"duration_s": duration_s, "warnings": warnings})
            )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path} is no table of resampled recordings with the columns {', '.join(COLUMNS)}; "
            f"remove it and run again ({error})"
        ) from error
    return rows


def write_verdicts(
    shard_tables: Sequence[str | Path],
    excluded_path: str | Path,
    settings: Mapping,
    corpus: str,
    output_path: str | Path,
    lost_classes: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write one table of the verdicts on all recordings of a corpus, and check their number.

    Parameters
    ----------
    shard_tables : sequence of path
        The tables of the corpus' shards.
    excluded_path : path
        Recordings excluded when the corpus was listed, see `tables.read_excluded`.
    settings : mapping
        ``max_excluded``: the largest share of excluded recordings that is tolerated, 0..1.
    corpus : str
        Name of the corpus, for the messages.
    output_path : path
        Becomes a CSV with the columns `VERDICT_COLUMNS`, sorted by id.
    lost_classes : mapping of id to sequence of str, optional
        Classes that a recording is not of, although its labels say so: all their events are dropped.

    Raises
    ------
    ValueError
        Where more than ``max_excluded`` were excluded (nothing is written then), a recording has
        two verdicts, or a table is not one.
    """
    import pandas as pd  # not at the top: neither a dry run nor the decoder's child loads it

    at_listing = pd.DataFrame(
        [(*row, "", "0.0", "0") for row in tables.read_excluded(excluded_path)],
        columns=VERDICT_COLUMNS[:-1],
        dtype="str",
    )
    of_shards = [_text_table(path, COLUMNS)[list(VERDICT_COLUMNS[:-1])] for path in shard_tables]
    frame = pd.concat([at_listing, *of_shards]).sort_values("id")
    lost = {name: tables.SEPARATOR.join(names) for name, names in (lost_classes or {}).items()}
    frame["lost_classes"] = [lost.get(name, "") for name in frame["id"]]
    if repeated := frame.loc[frame["id"].duplicated(), "id"].unique().tolist():
        raise ValueError(
            f"{len(repeated)} recordings of corpus {corpus} have more than one verdict: "
            f"{repeated[:_SHOWN]}; are the tables of one and the same listing?"
        )
    if without := frame.loc[frame["verdict"] == "", "id"].tolist():
        raise ValueError(
            f"{len(without)} recordings of corpus {corpus} have no verdict: "
            f"{without[:_SHOWN]}; expected {USED!r} or a code"
        )
    excluded = frame[frame["verdict"] != USED]
    codes = excluded["verdict"].value_counts().sort_index()
    counts = ", ".join(f"{code} {n}" for code, n in codes.items())
    LOG.info("%d of %d recordings excluded%s", len(excluded), len(frame), counts and f" ({counts})")
    if len(excluded) > settings["max_excluded"] * len(frame):
        rows = list(zip(excluded["id"], excluded["verdict"], excluded["detail"], strict=True))
        for row in rows:
            LOG.info("excluded %r: %s %s", *row)
        first = ", ".join(f"{name}: {code}" for name, code, _ in rows[:_SHOWN])
        # named only where it keeps something: of most codes nothing is left to be kept
        remedy = ""
        if n_kept := sum(detail.endswith(KEPT_ON_REQUEST) for _, _, detail in rows):
            what = "which keeps what is there of"
            remedy = f", set allow_truncated in the audio recipe, {what} {n_kept},"
        raise ValueError(
            f"{len(rows)} of {len(frame)} recordings of corpus {corpus} were excluded "
            f"({len(rows) / len(frame):.1%}, at most {settings['max_excluded']:.1%} are allowed): "
            f"{first}{', ...' if len(rows) > _SHOWN else ''}; mend them{remedy} or raise "
            f"corpora.{corpus}.max_excluded"
        )
    columns = [frame[column].tolist() for column in VERDICT_COLUMNS]
    artefacts.write_table(output_path, VERDICT_COLUMNS, list(zip(*columns, strict=True)))


def read_verdicts(path: str | Path) -> "pd.DataFrame":
    """Read the verdicts on all recordings of a corpus.

    Parameters
    ----------
    path : path
        Written by `write_verdicts`; of its columns ``id`` and ``verdict`` must be there.

    Returns
    -------
    data frame
        A row per recording, sorted by id. All columns are text, as they stand in the file (``NA``
        and ``007`` are ids), except ``duration_s``: float64 [s].

    Raises
    ------
    ValueError
        Where the file is not such a table.
    """
    frame = _text_table(path, ("id", "verdict"))
    if "duration_s" not in frame:
        return frame
    try:
        return frame.astype({"duration_s": "float64"})
    except ValueError as error:
        raise ValueError(f"{path} has a duration_s that is no number ({error})") from None


def lost_classes_of(frame: "pd.DataFrame") -> dict[str, set[str]]:
    """Return by id the classes that recordings have lost, from a table of `read_verdicts`."""
    if "lost_classes" not in frame:
        return {}
    found = frame[frame["lost_classes"] != ""]
    pairs = zip(found["id"], found["lost_classes"], strict=True)
    return {name: set(text.split(tables.SEPARATOR)) for name, text in pairs}


def _text_table(path: str | Path, columns: Sequence[str]) -> "pd.DataFrame":
    """Read a CSV table with at least these columns, every value as text."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} is no CSV table ({error}); remove it and run again") from error
    if not set(columns) <= set(frame.columns):
        raise ValueError(
            f"{path} has the columns {', '.join(frame.columns)}, expected {', '.join(columns)}; "
            "remove it and run again"
        )
    return frame
