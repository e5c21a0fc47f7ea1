"""What has happened, for whoever outside wants to know: joins, leaves, calls.

A value for each; who makes them is above, who listens is nobody's concern here. Nothing of what clients say to each
other is in them: no text, no SDP, no candidates. Layer 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jsongle_server.codec import Json, json_size

MAX_MEDIA: Final = 256
"""Largest ``media`` of a propose that is told, in bytes of JSON."""


class Kind(StrEnum):
    """What can happen."""

    MEMBER_JOINED = "member.joined"
    MEMBER_LEFT = "member.left"
    CALL_STARTED = "call.started"
    CALL_ANSWERED = "call.answered"
    CALL_ENDED = "call.ended"
    CALL_MISSED = "call.missed"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that has happened.

    :ivar session: the identity of the session whose doing it was, which for all of a call is its caller: what has the
        same one must be told in the order in which it happened.
    :ivar at: when, in seconds since the epoch.
    :ivar data: what else there is to say, of a few KiB of JSON at most.
    """

    kind: Kind
    session: str
    at: float
    data: Json


Publish = Callable[[Occurrence], None]
"""Takes note of what has happened; does no I/O, and never raises."""


def person(shown: Json) -> Json:
    """Who somebody is.

    :param shown: what others are shown of a session (protocol section 4), of which this is the least.
    """
    return {"id": shown["id"], "uid": shown["uid"], "dn": shown.get("dn")}


def media_of(propose: Json) -> object:
    """What a call is to carry, as its propose has it; ``None`` where it does not say so, or in too many words.

    :param propose: its ``jsongle`` object.
    """
    description = propose.get("description")
    media = description.get("media") if type(description) is dict else None
    return media if media is not None and json_size({"media": media}) <= MAX_MEDIA else None
