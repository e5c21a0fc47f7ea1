"""The table of settings: every setting's name, what it accepts, what it is for.

Must not know the defaults, which are those of :class:`jsongle_server.config.Config`, nor where a text comes from. Layer
0; what each accepts is made of :mod:`jsongle_server.config_values` and its siblings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jsongle_server.config_addresses import http_url, ice_urls, interface, networks, off_on_or_websocket, origins
from jsongle_server.config_keys import key_set_file, signing_key
from jsongle_server.config_values import (
    ValueKind,
    integer,
    line,
    log_file,
    one_of,
    period,
    rate,
    readable_file,
    seconds,
    secret,
    server_name,
    switch,
    words,
)
from jsongle_server.key_set import ALGORITHMS
from jsongle_server.webhook_signing import webhook_secret

if TYPE_CHECKING:
    from jsongle_server.config import Config

_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as users know it.

    :param name: its camelCase name, in every source.
    :param kind: what its text may be.
    :param help: what it is for, one sentence with its unit.
    :param aliases: other names that are understood.
    :param secret: whether its value may never be shown.
    """

    name: str
    kind: ValueKind[Any]
    help: str
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The name, then the aliases."""
        return (self.name, *self.aliases)

    @property
    def attribute(self) -> str:
        """The field of :class:`Config` that holds its value."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name).lower()

    @property
    def accepts(self) -> str:
        """What is accepted, as a noun phrase."""
        return self.kind.accepts

    def parse(self, text: str) -> Any:
        """Give the value of a text; raises :exc:`ValueError`, whose text says what is accepted."""
        return self.kind.read(text)

    def text_in(self, config: Config) -> str:
        """Write this setting's value in a configuration as a user would."""
        return self.kind.write(getattr(config, self.attribute))


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("wsPort", integer(0, 65_535), "TCP port of the WebSocket server; 0 takes any free port."),
    Setting("restPort", integer(0, 65_535), "TCP port of the REST monitoring server; 0 takes any free port."),
    Setting("wsHost", interface(), "Interface on which the WebSocket server listens; empty means all."),
    Setting("restHost", interface(), "Interface on which the REST server listens; empty means all."),
    Setting(
        "corsPolicyOrigin",
        origins(),
        "Web origins, parted by commas or spaces, that alone may use REST from a page and open WebSockets; "
        "empty allows any origin to open a WebSocket and sends no CORS headers.",
    ),
    Setting("maxConcurrentUsers", integer(1), "Number of WebSocket connections open at a time."),
    Setting(
        "logLevel",
        one_of("trace", "debug", "info", "warn", "error", "fatal"),
        "Least severe level that is logged.",
        aliases=("logDefaultLevel",),
    ),
    Setting("id", server_name(), "Identity of this server in the messages it sends."),
    Setting(
        "logPath",
        log_file(),
        "Log file, or an existing directory for jsongle-server.log in it; empty means no log file.",
    ),
    Setting("logFilesNumber", integer(0), "Number of old log files that are kept."),
    Setting("logFilePeriod", period(), "Time after which a new log file is begun, in minutes, hours, days or weeks."),
    Setting(
        "logFormat",
        one_of("text", "json"),
        "Format of the logs, on the console and in files; json gives one JSON object a line.",
    ),
    Setting("maxMessageSize", integer(1_024, 16_777_216), "Largest message that a client may send, in bytes."),
    Setting("helloTimeout", seconds(longest=_DAY), "Time in which a new client must have said hello, in seconds."),
    Setting(
        "pingInterval",
        seconds(longest=_DAY, zero="off"),
        "Time between two pings to a client, in seconds; 0 sends none.",
    ),
    Setting("pingTimeout", seconds(longest=_DAY), "Time in which a client must have answered a ping, in seconds."),
    Setting("maxMembersPerRoom", integer(0, note="0 = no limit"), "Number of members of a room; 0 means no limit."),
    Setting(
        "maxMembersPerMultiRoom",
        integer(0, note="0 = no limit"),
        "Number of members of a multi-user room; 0 means no limit.",
    ),
    Setting(
        "maxRoomsPerUser",
        integer(0, note="0 = no limit"),
        "Number of rooms a session may be in at a time; 0 means no limit.",
    ),
    Setting(
        "rateLimit",
        rate(),
        "Messages a second that one client may send; 0 is no limit.",
    ),
    Setting("rateBurst", integer(1, 1_000_000), "Messages that one client may send at once."),
    Setting(
        "candidateRate",
        rate(),
        "Candidates a second that one client may send; 0 is no limit.",
    ),
    Setting("candidateBurst", integer(1, 1_000_000), "Candidates that one client may send at once."),
    Setting(
        "maxConnectionsPerAddress",
        integer(0, note="0 = no limit"),
        "Number of connections from one network address; 0 means no limit, as whole offices share an address.",
    ),
    Setting(
        "handshakeRate",
        rate(),
        "Connections a second that one network address may open; 0 is no limit.",
    ),
    Setting("handshakeBurst", integer(1, 1_000_000), "Connections that one network address may open at once."),
    Setting(
        "drainTimeout",
        seconds(longest=_DAY, zero="at once"),
        "Time over which clients are sent away when the server stops, in seconds; 0 sends them at once.",
    ),
    Setting(
        "ringTimeout",
        seconds(longest=_DAY, zero="off"),
        "Time after which a call that nobody has answered ends, in seconds; 0 lets it ring.",
    ),
    Setting("resumeWindow", seconds(longest=_DAY), "Time for which a session waits for its client, in seconds."),
    Setting("resumeBufferMessages", integer(1, 1_048_576), "Number of messages that are kept for a client's return."),
    Setting(
        "resumeBufferBytes", integer(1_024, 1_073_741_824), "Bytes of messages that are kept for a client's return."
    ),
    Setting(
        "maxDetachedBytes",
        integer(1_024, 1_099_511_627_776),
        "Bytes of messages that are kept for all clients together that have lost their connection.",
    ),
    Setting(
        "maxSendQueue",
        integer(1_024, 1_073_741_824),
        "Bytes that may wait for a client that reads too slowly, the socket's own buffer not counted.",
    ),
    Setting(
        "perMessageDeflate",
        switch(),
        "Whether messages are compressed (RFC 7692) for clients that offer it: fewer bytes, far more work.",
    ),
    Setting(
        "fastFrames",
        switch(),
        "Whether whole text frames take the short way; off has Autobahn read all of them, as a way out of trouble.",
    ),
    Setting(
        "adminToken",
        secret(),
        "Bearer token of at least 16 characters that opens the administration over REST; empty keeps it closed.",
        secret=True,
    ),
    Setting(
        "appToken",
        secret(),
        "Token of at least 16 characters that every client must present; empty asks for none.",
        secret=True,
    ),
    Setting(
        "jwtKey",
        signing_key(),
        "What the signed tokens (JWT) of clients are checked with: a shared secret or the path of a public key in PEM; "
        "empty asks for none.",
        secret=True,
    ),
    Setting(
        "jwksUrl",
        http_url(),
        "Address of a key set (JWKS) that the signed tokens of clients are checked with, instead of jwtKey.",
    ),
    Setting(
        "jwksPath",
        key_set_file(),
        "File with a key set (JWKS) that the signed tokens of clients are checked with, instead of jwtKey.",
    ),
    Setting(
        "jwtAlgorithms",
        words(*ALGORITHMS),
        "Algorithms that signed tokens may have, parted by commas or spaces; empty allows those that fit the key.",
    ),
    Setting("jwtIssuer", line(), "Issuer (iss) that signed tokens must have; empty allows any."),
    Setting(
        "jwtAudience",
        line(),
        "Audience (aud) that signed tokens must have; empty accepts those without one only.",
    ),
    Setting("useHTTPS", switch(), "Whether both ports speak TLS, with the files of key and cert."),
    Setting("key", readable_file(), "File with the private key for TLS, in PEM."),
    Setting("cert", readable_file(), "File with the certificate for TLS and those that lead to its root, in PEM."),
    Setting(
        "wsEndpoint",
        line(),
        "Twisted endpoint on which the WebSocket server listens, such as unix:/run/jsongle/ws.sock, instead of wsHost "
        "and wsPort.",
    ),
    Setting(
        "restEndpoint",
        line(),
        "Twisted endpoint on which the REST server listens, instead of restHost and restPort.",
    ),
    Setting(
        "trustedProxies",
        networks(),
        "Proxies that are believed when they say whom a connection comes from: networks, parted by commas or spaces; "
        "unix stands for Unix sockets.",
    ),
    Setting(
        "stunUrls",
        ice_urls("stun", "stuns"),
        "STUN servers that clients are told to use, such as stun:stun.example.org, parted by commas or spaces.",
    ),
    Setting(
        "turnUrls",
        ice_urls("turn", "turns"),
        "TURN servers that clients are told to use, such as turn:turn.example.org?transport=udp, parted by commas or "
        "spaces.",
    ),
    Setting(
        "turnSecret",
        secret(shortest=8),
        "Secret that the TURN servers share with this one, from which clients get credentials.",
        secret=True,
    ),
    Setting("turnTtl", integer(60, 2_592_000), "Time for which TURN credentials are good, in seconds."),
    Setting("webhookUrl", http_url(), "Address that is told of joins, leaves and calls; empty tells nobody."),
    Setting(
        "webhookSecret",
        webhook_secret(),
        "Secret of at least 16 characters with which what is told to webhookUrl is signed.",
        secret=True,
    ),
    Setting(
        "demo",
        off_on_or_websocket(),
        "Whether the REST port serves a page for video calls at /demo, and the address of the WebSocket server for it "
        "where it cannot be guessed.",
    ),
)
"""Every setting, in the order in which users see them."""
