"""Waiting for a condition with a deadline: never a fixed sleep."""

import time
from typing import Callable, TypeVar

Result = TypeVar("Result")

# Generous, because a test machine may have two slow cores that do other work too.
DEADLINE_SECONDS = 180.0


def wait_for(what: str, condition: Callable[[], Result], deadline: float = DEADLINE_SECONDS, pause: float = 0.05) -> Result:
    """Asks `condition` until it is true and returns what it returned.

    An OSError (a port that is not open yet) counts as "not yet". Raises AssertionError naming `what` at the deadline.
    """
    end = time.monotonic() + deadline
    last: object = None
    while True:
        try:
            last = condition()
            if last:
                return last  # type: ignore[return-value]
        except OSError as error:
            last = error
        if time.monotonic() >= end:
            raise AssertionError(f"{what} did not happen within {deadline:g} s; last seen: {last!r}")
        time.sleep(pause)
