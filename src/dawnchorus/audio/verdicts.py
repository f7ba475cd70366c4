"""What became of each recording: the closed lists of codes, and the tables that hold them.

* `EXCLUSIONS`, `WARNINGS`: the codes; `Excluded` carries one out of the depth of the decoder.
* `Resampled`, `read_table`: the rows beside a shard.
* `write_verdicts`: all recordings of a corpus in one table.
"""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG

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
    "AUDIO_DC",  # the mean of a channel exceeds a tenth of its peak
    "AUDIO_CLIPPED",  # over 10 % of a channel's samples at full scale
    "MIX_CANCEL",  # the mean of the channels is 20 dB below them
    "BANDWIDTH",  # recorded at a lower rate than the audio recipe's
    "AUDIO_LENIENT",  # kept although its end may be missing
)
VERDICT_COLUMNS = ("id", "verdict", "detail", "warnings", "duration_s")


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


def write_rows(path: str | Path, rows: Sequence[Resampled]) -> None:
    """Write the table of a shard."""
    values = [[getattr(row, column) for column in COLUMNS[:-1]] for row in rows]
    joined = [[*value, ";".join(row.warnings)] for value, row in zip(values, rows, strict=True)]
    artefacts.write_table(path, COLUMNS, joined)


def read_table(path: str | Path) -> list[Resampled]:
    """Read the table of a shard: one row per listed recording, sorted by id.

    Raises
    ------
    ValueError
        Where the file is not such a table.
    """
    try:
        return [_row(**values) for values in artefacts.read_table(path)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path} is no table of resampled recordings with the columns {', '.join(COLUMNS)}; "
            f"remove it and run again ({error})"
        ) from error


def _row(**values) -> Resampled:
    for column in ("channels", "first_sample", "n_samples", "source_rate"):
        values[column] = int(values[column])
    values["duration_s"] = float(values["duration_s"])
    values["warnings"] = tuple(values["warnings"].split(";")) if values["warnings"] else ()
    return Resampled(**values)


def write_verdicts(
    tables: Sequence[str | Path],
    excluded_path: str | Path,
    settings: Mapping,
    corpus: str,
    output_path: str | Path,
) -> None:
    """Write one table of the verdicts on all recordings of a corpus, and judge their number.

    Parameters
    ----------
    tables : sequence of path
        The tables of the corpus' shards.
    excluded_path : path
        Recordings excluded when the corpus was listed: columns ``id,code,detail``.
    settings : mapping
        ``max_excluded``: the share of excluded recordings that is put up with, 0..1.
    corpus : str
        Name of the corpus, for the messages.
    output_path : path
        Becomes a CSV with the columns ``id,verdict,detail,warnings,duration_s``, sorted by id.

    Raises
    ------
    ValueError
        Where more than ``max_excluded`` were excluded (nothing is written then), a recording has
        two verdicts, or a table is not one.
    """
    rows = [_excluded_at_listing(values) for values in artefacts.read_table(excluded_path)]
    for table in tables:
        rows += read_table(table)
    rows.sort(key=lambda row: row.id)
    _check_accounts(rows, corpus)
    excluded = [row for row in rows if row.verdict != USED]
    _say(excluded, len(rows))
    if len(excluded) > settings["max_excluded"] * len(rows):
        raise ValueError(_too_many(excluded, len(rows), settings["max_excluded"], corpus))
    artefacts.write_table(
        output_path,
        VERDICT_COLUMNS,
        [(row.id, row.verdict, row.detail, ";".join(row.warnings), row.duration_s) for row in rows],
    )


def _excluded_at_listing(values: Mapping) -> Resampled:
    return Resampled(values["id"], values["code"], values["detail"], 0, 0, 0, 0.0, 0, ())


def _check_accounts(rows: Sequence[Resampled], corpus: str) -> None:
    twice = [name for name, n in collections.Counter(row.id for row in rows).items() if n > 1]
    if twice:
        raise ValueError(
            f"{len(twice)} recordings of corpus {corpus} have more than one verdict: {twice[:5]}; "
            "are the tables of one and the same listing?"
        )
    nameless = [row.id for row in rows if not row.verdict]
    if nameless:
        raise ValueError(
            f"{len(nameless)} recordings of corpus {corpus} have no verdict: {nameless[:5]}; "
            f"expected {USED!r} or a code"
        )


def _say(excluded: Sequence[Resampled], n_rows: int) -> None:
    codes = collections.Counter(row.verdict for row in excluded)
    counted = ", ".join(f"{code} {n}" for code, n in sorted(codes.items()))
    LOG.info("%d of %d recordings excluded%s", len(excluded), n_rows, counted and f" ({counted})")


def _too_many(excluded: Sequence[Resampled], n_rows: int, limit: float, corpus: str) -> str:
    for row in excluded:
        LOG.info("excluded %r: %s %s", row.id, row.verdict, row.detail)
    first = ", ".join(f"{row.id}: {row.verdict}" for row in excluded[:5])
    return (
        f"{len(excluded)} of {n_rows} recordings of corpus {corpus} were excluded "
        f"({len(excluded) / n_rows:.1%}, at most {limit:.1%} are allowed): {first}"
        f"{', ...' if len(excluded) > 5 else ''}; mend them or raise corpora.{corpus}.max_excluded"
    )
