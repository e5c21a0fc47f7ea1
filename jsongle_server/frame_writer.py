"""From messages to bytes: frames for the client, behind what still waits for it.

The writing side of a connection; when bytes are written, and how many may wait, is up to its outbox. Layer 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jsongle_server.addressed import Addressed
from jsongle_server.framing import text_frame

if TYPE_CHECKING:
    from jsongle_server.outbox import Outbox


class FrameWriter(Addressed):
    """The writing side of a connection."""

    _outbox: Outbox

    def send(self, payload: bytes) -> None:
        """Sends one text frame; does nothing once the connection is closing."""
        if self.state == self.STATE_OPEN:
            frame = text_frame(payload) if self._perMessageCompress is None else self._compressed(payload)
            self._outbox.write(frame)

    def send_later(self, payload: bytes) -> None:
        """As :meth:`send`, along with the next frame that is sent, or soon."""
        if self.state == self.STATE_OPEN:
            frame = text_frame(payload) if self._perMessageCompress is None else self._compressed(payload)
            self._outbox.write_later(frame)

    def send_missed(self, payloads: Iterable[bytes]) -> None:
        """Sends what the client missed: however much of it has to wait, that does not make the client too slow."""
        is_plain = self._perMessageCompress is None
        frames = [text_frame(payload) if is_plain else self._compressed(payload) for payload in payloads]
        self._outbox.make_room(sum(map(len, frames)))
        for frame in frames:
            self._outbox.write(frame)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Writes what Autobahn sends, control frames above all, behind what is still waiting."""
        self._outbox.write(data)

    def unregisterProducer(self) -> None:
        """Called by Autobahn before the end of the connection: what waits goes to the transport, which flushes it."""
        self._outbox.finish()

    def _compressed(self, payload: bytes) -> bytes:
        """A text message as a frame for a client with which compression was agreed on."""
        deflate = self._perMessageCompress
        deflate.start_compress_message()
        return text_frame(deflate.compress_message_data(payload) + deflate.end_compress_message(), compressed=True)
