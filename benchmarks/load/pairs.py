"""Clients in pairs that talk to each other: whoever gets a message sends one back."""

from __future__ import annotations

import time

from benchmarks.load.clients import Client, Loop
from benchmarks.load.messages import text
from benchmarks.load.meter import Measured, Meter
from benchmarks.load.opening import Refused, Target, open_clients


class Pairs:
    """Clients in pairs.

    :param target: the server.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._loop = Loop(target.wire)
        self._clients: list[Client] = []

    def grow(self, number: int) -> None:
        """Opens clients until there are so many.

        :param number: an even number.
        """
        new = open_clients(self._target, self._loop, range(len(self._clients), number))
        for one, other in zip(new[::2], new[1::2], strict=True):
            one.frame = self._frame(one, other)
            other.frame = self._frame(other, one)
        self._clients += new

    def measure(self, *, in_flight: int, warm_up: float, seconds: float) -> Measured:
        """How many messages are relayed a second.

        :param in_flight: messages on their way in each pair at any time.
        :param warm_up: how long they talk before it is measured, in seconds.
        :param seconds: how long it is measured.
        :raises Refused: not every message was relayed and acked in the end.
        """
        for client in self._clients:
            client.received = client.acked = 0
        for number in range(in_flight):
            for client in self._clients[number % 2 :: 2]:
                client.write(client.frame)
        self._talk(warm_up)
        received = self._received
        meter = Meter(self._target.pid)
        self._talk(seconds)
        measured = meter.read(relayed=self._received - received)
        sent = self._received + in_flight * len(self._clients) // 2
        self._loop.settle()
        acked = sum(client.acked for client in self._clients)
        if (self._received, acked) != (sent, sent):
            raise Refused(f"of {sent} messages {self._received} were relayed and {acked} acked")
        return measured

    @property
    def _received(self) -> int:
        return sum(client.received for client in self._clients)

    def _talk(self, seconds: float) -> None:
        """Has everybody answer each message by another."""
        expect, take, clock = self._loop.expect, self._loop.take, time.monotonic
        end = clock() + seconds
        while clock() < end:
            for client in expect(1.0):
                relayed = take(client)
                if relayed:
                    client.write(client.frame * relayed)

    def _frame(self, sender: Client, to: Client) -> bytes:
        return self._loop.wire.frame(text(sender.identity, to.identity, mid=sender.uid))
