"""What it means when an opening handshake is answered by anything but a WebSocket.

One table, from the status of the answer to what stands in the way and what to do. Layer 5.
"""

from __future__ import annotations

from typing import Final

import orjson

from jsongle_server.doctor_findings import Finding, problem, quoted
from jsongle_server.doctor_wire import HttpAnswer

CHECK: Final = "websocket"

_FORWARD: Final = (
    "have the proxy pass on Upgrade and Connection, over HTTP/1.1; nginx: proxy_http_version 1.1; "
    "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade"
)
_DOWN: Final = "start the server, and have the proxy pass requests on to the host and port that it listens on"
_ELSEWHERE: Final = "name the path that the proxy passes on to the server, or have it pass this one on"
_WEBSOCKET_PORT: Final = "name its WebSocket port, and another path than /socket.io/"

_OWN_PAGE: Final = b"<title>JSONgle"
"""What is in the pages of the REST port, whatever a proxy makes of the headers."""

_OURS: Final[dict[int, tuple[str, str]]] = {
    400: ("the server gets a request that is no longer a whole handshake", _FORWARD),
    404: ("the server takes no WebSockets there", _WEBSOCKET_PORT),
    426: ("the server gets a request without 'Upgrade'", _FORWARD),
    429: ("too many connections from this address", "behind a proxy, set trustedProxies; otherwise wait a little"),
    503: (
        "the server takes no new clients now",
        "wait, if it starts or stops; raise maxConcurrentUsers, if it is full",
    ),
    505: ("the server gets the request in another version of HTTP", _FORWARD),
}
"""Answers of this server, by status."""

_OTHERS: Final[dict[int, tuple[str, str]]] = {
    101: ("whatever answers has not read the handshake", "keep caches and other proxies away from this address"),
    400: ("something in between does not like the request", _FORWARD),
    401: ("something in between wants a user and a password", "have it let WebSockets through without"),
    403: ("something in between does not let this request through", "have its rules let WebSockets through"),
    404: ("nothing is at this path", _ELSEWHERE),
    405: ("what answers takes no such requests", _ELSEWHERE),
    426: ("something in between wants another protocol", _FORWARD),
    502: ("the proxy does not reach the server", _DOWN),
    503: ("the proxy has no server to pass this on to", _DOWN),
    504: ("the proxy waits for the server in vain", _DOWN),
    505: ("something in between wants another version of HTTP", _FORWARD),
}
"""Answers of others, by status."""


def judge_answer(answer: HttpAnswer, *, is_local: bool) -> Finding:
    """Says what an answer means.

    :param is_local: whether no proxy can have had a part in it.
    """
    status = answer.status
    said = own_words(answer.body)
    if said is not None:
        meaning, advice = _OURS.get(status, ("the server refuses the handshake", "look into its log"))
        return problem(CHECK, f"{status}: {meaning}, and says: {quoted(said)}", advice)
    if 300 <= status < 400:
        where = quoted(answer.headers.get("location", "somewhere else").partition("?")[0])
        return problem(CHECK, f"{status}: sent on to {where}", "browsers do not follow: give that address to clients")
    meaning, advice = _OTHERS.get(status, ("this is no answer to a WebSocket handshake", _ELSEWHERE))
    if is_local:
        meaning, advice = "something else listens on the port", "stop it, or set another wsPort"
    elif 200 <= status < 300:
        meaning = "a page of somebody else is there"
        if _OWN_PAGE in answer.body:
            meaning, advice = "a page of the server is there, not its WebSocket", _WEBSOCKET_PORT
    return problem(CHECK, f"{status}: {meaning}", advice)


def own_words(body: bytes) -> str | None:
    """What a JSONgle server says when it refuses a handshake; ``None`` if this is no such answer."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return str(said.get("errorMsg")) if isinstance(said, dict) and "errorCode" in said else None
