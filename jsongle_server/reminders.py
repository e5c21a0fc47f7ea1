"""What happens to a session by itself after some time: its token expires, its TURN credentials have to be renewed.

Keeps the timers of one session; has none where neither is configured. Layer 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from jsongle_server import messages
from jsongle_server.ice import has_ice, ice_servers, renewal_delay
from jsongle_server.vocabulary import CloseCode

if TYPE_CHECKING:
    from jsongle_server.codec import Json
    from jsongle_server.services import Timer
    from jsongle_server.session import Session

WARNING: Final = 30.0
"""Seconds before its token expires at which a client is told so (protocol section 3)."""

SPREAD: Final = 30.0
"""Seconds over which clients are told of ICE servers that have changed."""

LONGEST_WAIT: Final = 86_400.0
"""Longest time for which a timer is set, in seconds: a token may be good for years, for which no reactor can wait."""


def spread_ice(sessions: Sequence[Session]) -> None:
    """Has the clients of sessions told new ICE servers, one after the other."""
    for number, session in enumerate(sessions):
        if session.reminders is None:
            session.reminders = Reminders(session)
        session.reminders.renew_ice(number / len(sessions) * SPREAD)


class Reminders:
    """The timers of one session.

    :param session: whose they are; anything they do is done to it.
    """

    __slots__ = ("_expiry", "_renewal", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._expiry: Timer | None = None
        self._renewal: Timer | None = None

    def expire(self, at: float | None) -> None:
        """Ends the session at a time, and tells its client a little before; not at the time that was set before.

        :param at: seconds since the epoch; ``None`` for never.
        """
        _cancel(self._expiry)
        self._expiry = None
        if at is not None:
            self._wait(at - WARNING, lambda: self._warn(at))

    def offer_ice(self, now: float) -> list[Json] | None:
        """Gives the ICE servers for the client, which gets new ones when the time has come.

        :param now: seconds since the epoch.
        :returns: ``None`` where none are configured.
        """
        session = self._session
        config = session.services.config
        _cancel(self._renewal)
        self._renewal = None
        if not has_ice(config):
            return None
        servers, ttl = ice_servers(config, session.uid, now)
        if ttl:
            self._renewal = session.services.clock.callLater(renewal_delay(ttl), self._renew)
        return servers

    def renew_ice(self, delay: float) -> None:
        """Has the client told new ICE servers after some seconds: those that it has are out of date."""
        _cancel(self._renewal)
        self._renewal = self._session.services.clock.callLater(delay, self._renew)

    def cancel(self) -> None:
        """Does nothing of it any more: the session has ended."""
        _cancel(self._expiry)
        _cancel(self._renewal)
        self._expiry = self._renewal = None

    def _wait(self, due: float, then: Callable[[], None]) -> None:
        """Does something at a time that may be further off than timers reach."""
        clock = self._session.services.clock
        left = due - clock.seconds()
        if left > LONGEST_WAIT:
            self._expiry = clock.callLater(LONGEST_WAIT, self._wait, due, then)
        else:
            self._expiry = clock.callLater(max(0.0, left), then)

    def _warn(self, expires: float) -> None:
        session = self._session
        self._wait(expires, self._end)
        session.say(messages.token_expiring(expires=messages.timestamp(expires)))

    def _end(self) -> None:
        self._expiry = None
        session = self._session
        session.close(CloseCode.TOKEN_EXPIRED, "the token has expired", session.services.clock.seconds())

    def _renew(self) -> None:
        self._renewal = None
        session = self._session
        config = session.services.config
        servers = self.offer_ice(session.services.clock.seconds())
        if servers is not None:
            session.say(messages.new_ice_servers(servers, ttl=config.turn_ttl if config.turn_urls else 0))


def _cancel(timer: Timer | None) -> None:
    if timer is not None:
        timer.cancel()
