"""What options of an architecture may be: each check raises one sentence that names the option.

* `check_counts`: lists of channels or units.
* `check_wholes`: whole numbers of 1 or more.
* `check_choices`: one of several words.
* `check_flags`: true or false.
* `check_dropout`: a rate.

Every check takes the architecture's name first, then the options by keyword.
"""

from collections.abc import Sequence


def check_counts(model: str, length: int | None = None, **options) -> None:
    """Raise where an option is no list of ``length`` whole numbers (None: at least one) from 1 on."""
    wanted = "one or more" if length is None else str(length)
    for option, values in options.items():
        is_list = isinstance(values, Sequence) and not isinstance(values, str)
        is_long = is_list and (len(values) > 0 if length is None else len(values) == length)
        if not is_long or not all(map(_is_whole, values)):
            raise ValueError(
                f"model {model}: {option} {values!r}; expected {wanted} numbers, each 1 or more"
            )


def check_wholes(model: str, **options) -> None:
    """Raise where an option is no whole number from 1 on."""
    for option, value in options.items():
        if not _is_whole(value):
            raise ValueError(
                f"model {model}: {option} {value!r}; expected a whole number of 1 or more"
            )


def check_choices(model: str, known: Sequence[str], **options) -> None:
    """Raise where an option is none of the known words."""
    for option, value in options.items():
        if value not in known:
            raise ValueError(f"model {model}: {option} {value!r}; expected {' or '.join(known)}")


def check_flags(model: str, **options) -> None:
    """Raise where an option is neither true nor false."""
    for option, value in options.items():
        if not isinstance(value, bool):
            raise ValueError(f"model {model}: {option} {value!r}; expected true or false")


def check_dropout(model: str, dropout: float) -> None:
    """Raise where a rate of dropout is not in [0, 1)."""
    is_number = isinstance(dropout, int | float) and not isinstance(dropout, bool)
    if not is_number or not 0 <= dropout < 1:
        raise ValueError(f"model {model}: dropout {dropout!r}; expected 0 or more and less than 1")


def _is_whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
