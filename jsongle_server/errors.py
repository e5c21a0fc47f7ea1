"""What can be wrong with a message, as exceptions that carry their code.

Guards and handlers raise these; one place (:meth:`jsongle_server.session.Session.receive`) turns them into what the
client is told. Layer 0: knows codes and words, not connections.

The tree::

    JsongleError
    ├── BadParameter         400001
    ├── NoJsongle            400002
    ├── NotJson              400003
    ├── TokenRefused         401001
    ├── RoomFull             403001
    ├── HelloFirst           403002
    ├── NotYourIdentity      403003
    ├── TooManyRooms         403004
    ├── NotAllowed           403005
    │   └── Blocked          403005
    ├── NotYourCall          403006
    ├── UnknownQuery         404001
    ├── NoSuchRecipient      404002
    ├── NobodyElse           404003
    ├── UnsupportedAction    405001
    ├── WrongRoomKind        409001
    ├── TooFast              429001
    ├── TooManyCalls         429001
    ├── InternalError        500001
    └── Unavailable          503001
"""

from __future__ import annotations

from typing import ClassVar

from jsongle_server.vocabulary import ErrorCode


class JsongleError(Exception):
    """Something the sender of a message can understand and mend.

    :param details: one sentence for the developer at the other end; never holds a secret or another user's data.
    :param mid: the ``id`` of the message that failed, where it could be read and the raiser knows it.
    """

    code: ClassVar[ErrorCode]

    def __init__(self, details: str, *, mid: str | None = None) -> None:
        super().__init__(details)
        self.details = details
        self.mid = mid


class BadParameter(JsongleError):
    """A parameter is missing, of the wrong type or out of range."""

    code = ErrorCode.BAD_PARAMETER


class NoJsongle(JsongleError):
    """The envelope has no usable ``jsongle`` object."""

    code = ErrorCode.NO_JSONGLE


class NotJson(JsongleError):
    """The frame is not a JSON object within the limits of the protocol."""

    code = ErrorCode.NOT_JSON


class TokenRefused(JsongleError):
    """A token is missing, or is not accepted."""

    code = ErrorCode.TOKEN_REFUSED


class RoomFull(JsongleError):
    """The room holds as many members as it may."""

    code = ErrorCode.ROOM_FULL


class HelloFirst(JsongleError):
    """The client has not said hello yet."""

    code = ErrorCode.HELLO_FIRST


class NotYourIdentity(JsongleError):
    """The client speaks in a name that is not its own."""

    code = ErrorCode.NOT_YOUR_IDENTITY


class TooManyRooms(JsongleError):
    """The session is in as many rooms as it may be."""

    code = ErrorCode.TOO_MANY_ROOMS


class NotAllowed(JsongleError):
    """The client's token, or an administrator, does not allow this."""

    code = ErrorCode.NOT_ALLOWED


class Blocked(NotAllowed):
    """An administrator keeps the client out; the connection is closed."""


class NotYourCall(JsongleError):
    """The session is no party of the call."""

    code = ErrorCode.NOT_YOUR_CALL


class UnknownQuery(JsongleError):
    """No such query, or not with this iq action."""

    code = ErrorCode.UNKNOWN_QUERY


class NoSuchRecipient(JsongleError):
    """``to`` leads nowhere, or the sender is not a member of the room it names."""

    code = ErrorCode.NO_SUCH_RECIPIENT


class NobodyElse(JsongleError):
    """The sender is alone in the room."""

    code = ErrorCode.NOBODY_ELSE


class UnsupportedAction(JsongleError):
    """The action does not exist, or is not the client's to use."""

    code = ErrorCode.UNSUPPORTED_ACTION


class WrongRoomKind(JsongleError):
    """The room exists and is of the other kind."""

    code = ErrorCode.WRONG_ROOM_KIND


class TooFast(JsongleError):
    """The session sends more than it may.

    :param retry_after: milliseconds until there is room again.
    """

    code = ErrorCode.TOO_FAST

    def __init__(self, details: str, *, retry_after: int) -> None:
        super().__init__(details)
        self.retry_after = retry_after


class TooManyCalls(JsongleError):
    """The session has as many live calls as it may have."""

    code = ErrorCode.TOO_FAST


class InternalError(JsongleError):
    """The server failed; the log says how."""

    code = ErrorCode.INTERNAL


class Unavailable(JsongleError):
    """The server has no room; the connection is closed, and the client may try again."""

    code = ErrorCode.UNAVAILABLE
