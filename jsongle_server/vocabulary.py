"""The words of the wire: actions, queries, namespaces, events, error codes, close codes.

Owns the names that JSONgle gives to things, and nothing that is done with them. Layer 0: every other module may
import it, it imports none.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

SUBPROTOCOL: Final = "jsongle"
"""The WebSocket subprotocol that is selected when a client offers it (protocol section 1)."""

MAX_NAME: Final = 256
"""Longest message id, user id or room id, in characters (protocol sections 2 to 4)."""

MAX_DESCRIPTION: Final = 2048
"""Largest member description, in bytes of JSON (protocol section 3)."""

MAX_DEPTH: Final = 64
"""Deepest nesting of a message; the envelope itself is the first level (protocol section 2)."""


class Action(StrEnum):
    """What a message asks for or tells: ``jsongle.action`` (protocol section 5)."""

    ACK = "ack"
    IQ_ERROR = "iq-error"
    IQ_GET = "iq-get"
    IQ_RESULT = "iq-result"
    IQ_SET = "iq-set"
    SESSION_ACCEPT = "session-accept"
    SESSION_CUSTOM = "session-custom"
    SESSION_DECLINE = "session-decline"
    SESSION_ERROR = "session-error"
    SESSION_EVENT = "session-event"
    SESSION_INFO = "session-info"
    SESSION_INITIATE = "session-initiate"
    SESSION_METRICS = "session-metrics"
    SESSION_PROCEED = "session-proceed"
    SESSION_PROPOSE = "session-propose"
    SESSION_RETRACT = "session-retract"
    SESSION_TERMINATE = "session-terminate"
    SESSION_TEXT = "session-text"
    TRANSPORT_INFO = "transport-info"


ACTIONS: Final[dict[str, Action]] = {action.value: action for action in Action}
"""Every action by its name on the wire."""

CALL_ACTIONS: Final = frozenset(
    {
        Action.SESSION_PROPOSE,
        Action.SESSION_INFO,
        Action.SESSION_PROCEED,
        Action.SESSION_INITIATE,
        Action.SESSION_ACCEPT,
        Action.SESSION_DECLINE,
        Action.SESSION_RETRACT,
        Action.SESSION_TERMINATE,
        Action.TRANSPORT_INFO,
    }
)
"""The actions that make up a call (protocol section 5)."""

ENDING_ACTIONS: Final = frozenset({Action.SESSION_TERMINATE, Action.SESSION_RETRACT, Action.SESSION_DECLINE})
"""The call actions that end something: there is nothing to tell their sender when nobody is there any more."""

IQ_ACTIONS: Final = frozenset({Action.IQ_GET, Action.IQ_SET, Action.IQ_RESULT, Action.IQ_ERROR})
IQ_REQUESTS: Final = frozenset({Action.IQ_GET, Action.IQ_SET})
"""The iq actions that wait for an answer, and so get their errors as ``iq-error``."""


class Query(StrEnum):
    """What an iq is about: ``jsongle.query`` (protocol sections 3 and 4)."""

    HELLO = "session-hello"
    ICE_SERVERS = "ice-servers"
    JOIN = "join"
    LEAVE = "leave"
    MUC_JOIN = "muc-join"
    PING = "ping"
    ROOM_MEMBERS = "room-members"
    SESSION_JOIN = "session-join"
    SESSION_LEAVE = "session-leave"


class Namespace(StrEnum):
    """What kind of thing an event is about: ``jsongle.namespace``."""

    MUC = "muc"
    ROOM = "room"
    SESSION = "session"


class Event(StrEnum):
    """What happened: ``jsongle.event`` of a ``session-event``."""

    ACK = "ack"
    ICE_SERVERS = "ice-servers"
    JOINED = "joined"
    LEFT = "left"
    REACTION = "reaction"
    SERVER_MESSAGE = "server-message"
    TOKEN_EXPIRING = "token-expiring"


class Reason(StrEnum):
    """Why: ``jsongle.reason`` of what is said about a call."""

    ACTIVE = "active"
    ANSWERED_ELSEWHERE = "answered-elsewhere"
    DECLINED = "declined"
    RINGING = "ringing"
    TIMEOUT = "timeout"
    TRYING = "trying"
    UNREACHABLE = "unreachable"


class Status(StrEnum):
    """How a hello went: ``jsongle.status`` of an ``ack``."""

    FAILED = "failed"
    SUCCESS = "success"


class RoomKind(StrEnum):
    """The two kinds of room; the value is the namespace of their events (protocol section 4)."""

    MUC = "muc"
    ROOM = "room"


class ErrorCode(IntEnum):
    """What was wrong with a message or request (protocol section 8)."""

    BAD_PARAMETER = 400001
    NO_JSONGLE = 400002
    NOT_JSON = 400003
    TOKEN_REFUSED = 401001
    ROOM_FULL = 403001
    HELLO_FIRST = 403002
    NOT_YOUR_IDENTITY = 403003
    TOO_MANY_ROOMS = 403004
    NOT_ALLOWED = 403005
    NOT_YOUR_CALL = 403006
    UNKNOWN_QUERY = 404001
    NO_SUCH_RECIPIENT = 404002
    NOBODY_ELSE = 404003
    UNSUPPORTED_ACTION = 405001
    WRONG_ROOM_KIND = 409001
    TOO_FAST = 429001
    INTERNAL = 500001
    UNAVAILABLE = 503001


class CloseCode(IntEnum):
    """Why the server closes a connection (RFC 6455 section 7.4, protocol section 1)."""

    GOING_AWAY = 1001
    UNSUPPORTED_DATA = 1003
    POLICY_VIOLATION = 1008
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    NO_HELLO = 4001
    SESSION_MOVED = 4002
    SLOW_CONSUMER = 4003
    ENDED_BY_ADMINISTRATOR = 4004
    TOKEN_EXPIRED = 4005
