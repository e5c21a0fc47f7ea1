"""What is measured: the shapes, the figures of each, and how they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a shape.

    :ivar key: its name in what the load generator prints.
    :ivar title: what it is, with its unit.
    :ivar lower_is_better: whether less is better.
    :ivar in_chart: whether the chart shows it.
    """

    key: str
    title: str
    lower_is_better: bool = False
    in_chart: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """One way for clients to behave.

    :ivar name: its name, here and in the load generator.
    :ivar about: what the clients do.
    :ivar figures: what is measured.
    :ivar warm_up: how long they do it before it is measured, in seconds.
    :ivar seconds: how long it is measured.
    """

    name: str
    about: str
    figures: tuple[Figure, ...]
    warm_up: float = 1.0
    seconds: float = 3.0


SHAPES: Final = (
    Shape(
        "burst",
        "100 clients in pairs, 4 messages in flight in each",
        (Figure("relayed", "messages relayed a second"),),
    ),
    Shape(
        "wide",
        "1,000 clients in pairs, 1 message in flight in each",
        (Figure("relayed", "messages relayed a second"),),
    ),
    Shape(
        "fan-out",
        "500 members of one muc, one of whom speaks",
        (Figure("deliveries", "messages delivered a second"),),
    ),
    Shape(
        "paced",
        "1,000 clients in pairs, 2,000 messages a second by the clock",
        (
            Figure("p50", "milliseconds from client to client, p50", lower_is_better=True, in_chart=False),
            Figure("p99", "milliseconds from client to client, p99", lower_is_better=True),
            Figure("p999", "milliseconds from client to client, p99.9", lower_is_better=True, in_chart=False),
        ),
        seconds=4.0,
    ),
    Shape(
        "handshakes",
        "50 clients at a time that connect, say hello, join a muc and leave",
        (Figure("connections", "clients a second"),),
    ),
    Shape(
        "idle",
        "10,000 clients in mucs of two that say nothing",
        (
            Figure("memory", "KiB of memory for a client", lower_is_better=True),
            Figure("cpu", "percent of the core for all of them", lower_is_better=True, in_chart=False),
        ),
        seconds=25.0,
    ),
    Shape(
        "growth",
        "clients in pairs, 1 message in flight in each",
        (
            Figure("relayed_100", "messages relayed a second between 100 clients", in_chart=False),
            Figure("relayed_1000", "messages relayed a second between 1,000 clients", in_chart=False),
            Figure("relayed_5000", "messages relayed a second between 5,000 clients", in_chart=False),
            Figure("relayed_10000", "messages relayed a second between 10,000 clients"),
            Figure("kept", "percent of what 1,000 clients have, with 10,000", in_chart=False),
        ),
        warm_up=0.5,
        seconds=1.5,
    ),
)  # fmt: skip
"""In the order of the reports."""


def figure_of(shape: str, key: str) -> Figure:
    """A figure by its shape and key."""
    return next(figure for found in SHAPES if found.name == shape for figure in found.figures if figure.key == key)
