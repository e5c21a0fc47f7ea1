"""Connections that are cheap to open and to keep: how an Autobahn connection starts, done once for all of them.

Autobahn gives every connection dozens of attributes, nearly all of which are the same for each and stay as they
are. Here they are attributes of a class, which is made whenever the factory is configured: from what Autobahn's own
start leaves on a template. A connection keeps what is its own, and goes on under the configuration that it began with.
Layer 4.
"""

from __future__ import annotations

from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.protocol import WebSocketProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from txaio.tx import make_logger

from jsongle_server.upgrade import MALFORMED, Upgrade, accept_upgrade, is_malformed, read_upgrade

P = TypeVar("P", bound="LeanProtocol")


class LeanProtocol(WebSocketServerProtocol):
    """What Autobahn does at both ends of a connection, less what nobody asks for.

    Only subclasses that :func:`configured` made can be connected. They have no transport details, and their factory
    does not count them.

    :ivar is_fast: whether what is plain, handshakes and frames, goes the short way; Autobahn does the rest.
    :ivar declines_extensions: whether whatever extension a client offers is declined.
    """

    is_fast = True
    declines_extensions = True
    websocket_version = 13
    inside_message = False
    current_frame: Any = None
    factory: Any

    if TYPE_CHECKING:

        def onConnect(self, request: ConnectionRequest | Upgrade) -> str | None:
            """Decides on an opening handshake, whoever read it; raises ConnectionDeny if it is refused."""

    # Autobahn's lines are dropped below error whatever the level is: see logs.py.
    log = make_logger(level="error")

    def __init__(self) -> None:
        """Sets nothing: all that Autobahn's sets is on the class."""

    def connectionMade(self) -> None:
        """Sets nothing, either."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Ends the connection in Autobahn's eyes."""
        # Not in its own way, which has a line at error for whoever speaks no TLS.
        self._connectionLost(reason)

    def processHandshake(self) -> None:
        """Answers an opening handshake, in Autobahn's way if it is not a plain one, but sound."""
        upgrade = read_upgrade(self.data) if self.is_fast else None
        if upgrade is None or (upgrade.extensions and not self.declines_extensions):
            if is_malformed(self.data):
                self.failHandshake(MALFORMED)
            else:
                super().processHandshake()
            return
        self.data = upgrade.rest
        try:
            subprotocol = self.onConnect(upgrade)
        except ConnectionDeny as denial:
            self.failHandshake(denial.reason or "", denial.code)
            return
        self.sendData(accept_upgrade(upgrade, subprotocol, server=self.factory.server))
        self.state = self.STATE_OPEN
        self.onOpen()
        if self.data:
            self.consumeData()

    @cached_property
    def utf8validator(self) -> Utf8Validator:  # type: ignore[override]  # may be set all the same
        """Checks the text of messages that come in pieces."""
        return Utf8Validator()

    def _connectionLost(self, reason: Any) -> None:
        # Not the server's own, which counts connections and formats a line about it.
        WebSocketProtocol._connectionLost(self, reason)

    def _onOpen(self) -> None:
        self.onOpen()


class _Unheard(Deferred[Any]):
    """Stands for all the Deferreds that nobody waits for: may be fired again and again, and does nothing."""

    def callback(self, result: Any) -> None:
        """Forgets the result."""


_STAND_INS: Final[dict[str, Any]] = {
    "is_closed": _Unheard(),
    "is_open": _Unheard(),
    "_transport_details": None,
}
"""What the template has and connections have not."""

_LAZY: Final = frozenset({"utf8validator"})


def configured(protocol: type[P], factory: WebSocketServerFactory) -> type[P]:
    """Makes a class of protocols that start with the configuration of a factory, as it is now.

    :param protocol: what its connections are.
    :param factory: what makes them; it must be theirs for good, as they are not told again.
    """
    template = protocol()
    WebSocketProtocol.__init__(template)
    template.factory = factory
    WebSocketProtocol._connectionMade(template)
    start = {name: _as_class_attribute(value) for name, value in vars(template).items() if name not in _LAZY}
    names = {"__module__": protocol.__module__, "__qualname__": protocol.__qualname__, "__doc__": protocol.__doc__}
    return type(protocol.__name__, (protocol,), {**start, **_STAND_INS, **names})


def _as_class_attribute(value: Any) -> Any:
    # A function of the configuration must not become a method.
    return staticmethod(value) if isinstance(value, FunctionType) else value
