"""HTTP requests to the REST port."""

from __future__ import annotations

from http import HTTPStatus

from fuzz.watch import Watch, cut, demand
from jsongle_server.rest_site import CLOSE_TIMEOUT, IDLE_TIMEOUT, MAX_BODY, MAX_HEAD
from tests.rest_support import TOKEN, RestServer, Wire

UNIMPLEMENTED = (HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.SERVICE_UNAVAILABLE)
"""The errors of 500 and above that are no failure of the server's."""


def check_rest(data: bytes) -> None:
    """Anything to the REST port: answers in HTTP that are no failure, and an end.

    :param data: the size of reads, then what is sent.
    :raises Broken: something is wrong.
    """
    with Watch():
        server = RestServer(admin_token=TOKEN, cors_policy_origin=("https://a.example",))
        server.user("alice", dn="Alice").join("room")
        wire = server.open_wire()
        for read in cut(data[1:], (data[:1] or b"\0")[0]):
            if not wire.is_closed:
                wire.send(read)
                _check_kept(wire)
        _check_answers(wire.read())
        for _ in range(IDLE_TIMEOUT + CLOSE_TIMEOUT + 1):
            server.clock.advance(1)
        demand(server.site.connections == 0, "the connection is over in the end")
        demand(b"Traceback" not in wire.read(), "no traceback is shown")


def _check_answers(data: bytes) -> None:
    demand(b"Traceback" not in data, "no traceback is shown", data)
    demand(TOKEN.encode() not in data, "the token is shown to nobody", data)
    if not data:
        return
    demand(data.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), "an answer is HTTP", data[:100])
    status = int(data[9:12])
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        demand(status in UNIMPLEMENTED, "no request is a failure of the server", data[:300])


def _check_kept(wire: Wire) -> None:
    """Little is kept of what came."""
    for request in wire.channel.requests:
        content = request.content
        demand(content is None or content.closed or content.getbuffer().nbytes <= MAX_BODY, "a body has an end")
    demand(len(wire.channel._buffer) <= MAX_HEAD + MAX_BODY, "so has what waits")
