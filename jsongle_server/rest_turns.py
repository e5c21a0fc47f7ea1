"""Long work that an administrator asks for, in turns of the reactor between which everybody else is served. Layer 4."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from twisted.internet.defer import Deferred

TOLD_IN_A_TURN: Final = 500
"""After how many messages everybody else has a turn; emptying a room of a thousand takes half a million of them."""


def in_turns(steps: Iterator[int], reactor: Any, note: Callable[[int], None]) -> Deferred[int]:
    """Takes all steps, as many in a turn as may be; a caller who does not wait for the end stops nothing.

    :param steps: takes a step each time, and yields how many messages that took.
    :param note: takes note of the end, with the number of steps, whether or not somebody waits for it.
    :returns: fires with that number.
    """
    done: Deferred[int] = Deferred()
    count = 0

    def take_turn() -> None:
        nonlocal count
        told = 0
        try:
            for messages in steps:
                count += 1
                told += messages
                if told >= TOLD_IN_A_TURN:
                    reactor.callLater(0, take_turn)
                    return
            note(count)
        except Exception:  # whoever waits has to know
            done.errback()
        else:
            done.callback(count)

    take_turn()
    return done
