"""The route of events: what goes on, as long as somebody looks. Layer 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jsongle_server.event_stream import CONTENT_TYPE, prepare
from jsongle_server.privacy import printable
from jsongle_server.rest_audit import audit
from jsongle_server.rest_routes import Answer, Call, Door, Parameter, route
from jsongle_server.rest_streams import Wish
from jsongle_server.rest_values import Choice, Text

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred


@route(
    "GET",
    "/events",
    door=Door.ADMINISTRATOR,
    query=(
        Parameter("find", Text(least=0), "only rooms and sessions in which this text stands", default=""),
        Parameter("trace", Choice(("on", "off")), "whether single messages are told of", default="off"),
        Parameter("match", Text(least=0), "only messages in whose envelope this text stands", default=""),
    ),
    answers={
        200: Answer("Server-sent events, until the server stops or the token changes", types=(CONTENT_TYPE,)),
        503: "There are as many streams as there may be",
    },
)
def stream_events(call: Call) -> bytes | Deferred[None]:
    """Tells what goes on, in an answer that does not end."""
    if call.request.method == b"HEAD":
        prepare(call.request)
        return b""
    wish = Wish(find=call.query["find"], trace=call.query["trace"] == "on", match=call.query["match"])
    done = call.server.streams.open(call.request, wish)
    if wish.trace:
        matching = f", those with {printable(wish.match)}" if wish.match else ""
        audit(call.caller, "trace", target="messages", result=f"begun{matching}")
    return done


ROUTES: Final = (stream_events,)
