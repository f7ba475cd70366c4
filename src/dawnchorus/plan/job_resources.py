"""What jobs ask of a machine: memory and time, more with each attempt.

A scheduler ends a job that takes more than it asked for. Most take far less, so a first attempt asks for
what was measured, with room, and each further one for that much more: an unusual recording or network
costs a retry, and not every job a large node. Locally nothing is held to these numbers.

* `growing`: an amount times the attempt.
"""

from collections.abc import Callable

from dawnchorus.plan.workflow_run import Wildcards


def growing(amount: int) -> Callable[[Wildcards, int], int]:
    """Return a function of a rule's ``resources``: an amount, times the attempt.

    Parameters
    ----------
    amount : int
        Of the first attempt: MB, or minutes.
    """

    def of_attempt(wildcards: Wildcards, attempt: int) -> int:
        return amount * attempt

    return of_attempt
