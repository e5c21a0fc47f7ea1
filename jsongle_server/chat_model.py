"""The terminal client without its terminal: takes what is typed and what the server says, gives lines and frames.

Owns when it is over and when it comes back. No reactor, no clock, no terminal: all of it is given. Layer 5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from jsongle_server.chat_commands import COMMANDS
from jsongle_server.chat_heard import hear
from jsongle_server.chat_lines import Kind, Piece, Style, harmless
from jsongle_server.chat_state import Later, Send, Show, State, Wishes
from jsongle_server.chat_typed import type_line

if TYPE_CHECKING:
    from jsongle_server.chat_errors import Trouble

FIRST_WAIT: Final = 0.5
"""Seconds until the first try to connect again; doubled by each that fails."""

LONGEST_WAIT: Final = 15.0
"""Most seconds between two tries, but for those that the server asks for."""

LONGEST_RETRY_AFTER: Final = 120.0
"""Most seconds that the server may ask to wait."""


class Chat:
    """A conversation with a server.

    :param wishes: what the options say.
    :param show: takes what is to be shown.
    :param send: takes text frames for the server.
    :param later: calls something after some seconds.
    :param jitter: gives a random number from 0 to 1, so that many clients do not all come back at once.
    """

    def __init__(self, wishes: Wishes, *, show: Show, send: Send, later: Later, jitter: Callable[[], float]) -> None:
        self.state = State(wishes, show=show, send=send, later=self._later)
        self._later_call = later
        self._jitter = jitter
        self._tries = 0
        self._input_is_over = False

    @property
    def ended(self) -> int | None:
        """The exit status, once it is over."""
        return self.state.ended

    @property
    def prompt(self) -> str:
        """What stands before what is typed."""
        state = self.state
        target = harmless(state.target) if state.target else "nobody"
        return f"{target}> " if state.link.is_live else f"(offline) {target}> "

    @property
    def is_idle(self) -> bool:
        """Whether one is in, and nothing waits for an answer."""
        return self.state.link.is_live and not self.state.pending and not self.state.pace.is_slow

    @property
    def is_answer_due(self) -> bool:
        """Whether it is for the server to say something."""
        return self.state.link.is_live and bool(self.state.pending)

    def heard(self, frame: str, now: float) -> None:
        """Takes a text frame of the server."""
        hear(self.state, frame, now)
        if self.state.link.is_live:
            self._tries = 0
        self._end_if_done()

    def typed(self, line: str, now: float) -> None:
        """Takes a line that was typed."""
        type_line(self.state, line, now)
        self._end_if_done()

    def input_over(self) -> None:
        """Nothing more will be typed; it is over as soon as everything is answered."""
        self._input_is_over = True
        self._end_if_done()

    def leave(self) -> None:
        """The user has had enough."""
        if self.state.ended is None:
            self.state.ended = 0

    def gave_up(self, now: float) -> None:
        """Answers have not come in time."""
        missing = len(self.state.pending) + len(self.state.pace.waiting)
        what = "1 answer is" if missing == 1 else f"{missing} answers are"
        self.state.error(now, f"{what} missing: the server is silent")
        self.state.ended = 1

    def lost(self, trouble: Trouble, now: float) -> float | None:
        """The connection has ended, or did not come about.

        :returns: after how many seconds to connect again; ``None`` if it is over.
        """
        state = self.state
        state.link.lose()
        if state.ended is not None:
            return None
        if not trouble.may_pass or not state.me.identity:
            state.error(now, trouble.seen, trouble.advice)
            state.ended = 1
            return None
        wait: float = min(FIRST_WAIT * 2**self._tries, LONGEST_WAIT) * (0.5 + self._jitter() / 2)
        wait = max(wait, min(trouble.retry_after, LONGEST_RETRY_AFTER))
        self._tries = min(self._tries + 1, 16)
        state.show(Kind.NEWS, now, Piece(f"! {trouble.seen}; trying again in {wait:.1f} s", Style.WARNING))
        return wait

    def completions(self, before: str) -> list[tuple[str, int]]:
        """What a tab may put at the end of what is typed.

        :param before: all that stands before the cursor.
        :returns: words, and how many characters of what is typed each stands for.
        """
        word, blank, rest = before.partition(" ")
        if not word.startswith("/"):
            return []
        if not blank:
            return [(f"/{name}", len(word)) for name in COMMANDS if name.startswith(word[1:].lower())]
        command = COMMANDS.get(word[1:].lower())
        if command is None or " " in rest:
            return []
        people = self.state.people
        words = {"room": list(people.rooms), "who": people.addresses()}.get(command.completes, [])
        return [(each, len(rest)) for each in words if each.isprintable() and each.startswith(rest)]

    def _later(self, delay: float, call: Callable[[], None]) -> None:
        def do() -> None:
            call()
            self._end_if_done()

        self._later_call(delay, do)

    def _end_if_done(self) -> None:
        if self._input_is_over and self.is_idle and self.state.ended is None:
            self.state.ended = 1 if self.state.failed else 0
