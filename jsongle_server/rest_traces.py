"""Which streams are told of single messages, and of which. While there are none, nobody looks at any. Layer 4."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jsongle_server.event_stream import EventStream, event
from jsongle_server.tracer import Tracer

if TYPE_CHECKING:
    from jsongle_server.codec import Json
    from jsongle_server.signaling import Signaling


class Traces:
    """The streams that trace.

    :param signaling: whose messages.
    :param reactor: gives the time.
    """

    def __init__(self, signaling: Signaling, reactor: Any) -> None:
        self._signaling = signaling
        self._tracer = Tracer(reactor.seconds, self._tell)
        self._matches: dict[EventStream, str] = {}

    def add(self, stream: EventStream, match: str) -> None:
        """Has a stream told of messages from now on.

        :param match: a text that stands in what is shown of them, whatever its case; empty for all.
        """
        self._spread_unread()
        self._matches[stream] = match.casefold()
        self._signaling.trace_to(self._tracer.see)

    def remove(self, stream: EventStream) -> None:
        """Has a stream told of no more."""
        if self._matches.pop(stream, None) is not None and not self._matches:
            self._signaling.trace_to(None)

    def tell_missed(self) -> None:
        """Tells the streams how many messages each of them was not told of."""
        self._spread_unread()
        for stream in list(self._matches):
            if stream.missed and not stream.is_paused:
                missed, stream.missed = stream.missed, 0
                stream.tell(event("missed", {"trace": missed}))

    def _spread_unread(self) -> None:
        unread, self._tracer.unread = self._tracer.unread, 0
        for stream in self._matches:
            stream.missed += unread

    def _tell(self, trace: Json) -> None:
        text = "\n".join(_texts_in(trace)).casefold()
        data = event("trace", trace)
        for stream, match in list(self._matches.items()):
            if match in text:
                stream.tell(data)


def _texts_in(value: Any) -> Iterator[str]:
    """The values in what is shown of a message: nobody finds what he cannot see."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts_in(each)
    elif value is not None:
        yield str(value)
