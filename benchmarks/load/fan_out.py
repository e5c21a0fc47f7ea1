"""One multi-user room and one speaker in it: how many messages are delivered a second.

Only the speaker is waited for, since only its acks are answered. What the members get is read by the way, several
messages at a time, or the generator would be busier than the server.
"""

from __future__ import annotations

import time
from typing import Final

from benchmarks.load.clients import Loop
from benchmarks.load.messages import text
from benchmarks.load.meter import Measured, Meter
from benchmarks.load.opening import Refused, Target, open_clients

MEMBERS: Final = 500
IN_FLIGHT: Final = 2
"""Messages of the speaker that are not acked yet, so that the server always has something to do."""

READ_AFTER: Final = 4
"""Messages after which the members read what they have got."""

_RID: Final = "hall"


class Hall:
    """A multi-user room with one speaker.

    :param target: the server.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._hall = Loop(target.wire)
        self._stage = Loop(target.wire)
        self._members = open_clients(target, self._hall, range(1, MEMBERS), rid=lambda _: _RID)
        [self._speaker] = open_clients(target, self._stage, range(1), rid=lambda _: _RID)
        self._sent = 0
        self._speaker.frame = target.wire.frame(text(self._speaker.identity, _RID, mid="speech", namespace="muc"))

    def measure(self, *, warm_up: float, seconds: float) -> Measured:
        """How many messages are delivered a second, to all members together.

        :param warm_up: how long it is spoken before it is measured, in seconds.
        :param seconds: how long it is measured.
        :raises Refused: not every member got every message.
        """
        # What members are told of each other may be as large as a message.
        self._hall.settle()
        for client in (self._speaker, *self._members):
            client.received = client.acked = 0
        self._speak(IN_FLIGHT)
        self._listen(warm_up)
        delivered = self._delivered
        meter = Meter(self._target.pid)
        self._listen(seconds)
        measured = meter.read(deliveries=self._delivered - delivered)
        self._stage.settle()
        self._hall.settle()
        found = {member.received for member in self._members} | {self._speaker.acked}
        if found != {self._sent}:
            raise Refused(f"of {self._sent} messages between {min(found)} and {max(found)} were delivered")
        return measured

    @property
    def _delivered(self) -> int:
        return sum(member.received for member in self._members)

    def _listen(self, seconds: float) -> None:
        """Has the speaker send its next message whenever one was acked."""
        speaker, clock, read = self._speaker, time.monotonic, 0
        end = clock() + seconds
        while clock() < end:
            for _ in self._stage.expect(1.0):
                self._stage.take(speaker)
                self._speak(IN_FLIGHT - (self._sent - speaker.acked))
            if speaker.acked >= read + READ_AFTER:
                read = speaker.acked
                for member in self._hall.ready(0):
                    self._hall.take(member)

    def _speak(self, times: int) -> None:
        self._speaker.write(self._speaker.frame * times)
        self._sent += times
