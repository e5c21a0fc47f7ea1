"""The routes that monitor the server: who it is, whether it is well, what it has counted.

They show no user, and are open to everybody. Layer 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from prometheus_client.exposition import choose_encoder

from jsongle_server import __version__, stats
from jsongle_server.handshake import RETRY_AFTER
from jsongle_server.messages import timestamp
from jsongle_server.rest_json import answer_bytes, error_body
from jsongle_server.rest_routes import Answer, Call, Door, route
from jsongle_server.rest_schemas import ref
from jsongle_server.rest_site import RestRequest

NAME: Final = "JSONgle-Server"
DESCRIPTION: Final = "A WebRTC signaling server: JSONgle over WebSocket, monitored over REST"

_VERSION: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){1,2}\s*")
_ALIVE: Final = {200: Answer("The process answers", ref("Status"))}


@route("GET", "/about", door=Door.OPEN, answers={200: Answer("The server", ref("About"))})
def about(call: Call) -> bytes:
    """Says who this is."""
    life = call.server.lifecycle
    about = {
        "name": NAME,
        "version": __version__,
        "description": DESCRIPTION,
        "started": timestamp(life.started),
        "id": call.server.config.id,
        "ports": {"ws": life.ws_port, "rest": life.rest_port},
    }
    return call.answer(about)


@route("GET", "/ping", door=Door.OPEN, answers=_ALIVE)
def ping(call: Call) -> bytes:
    """Says that the process answers."""
    return call.answer({"status": "OK"})


@route("GET", "/health", door=Door.OPEN, answers=_ALIVE)
def health(call: Call) -> bytes:
    """Says that the process answers, under another name."""
    return call.answer({"status": "OK"})


@route("GET", "/livez", door=Door.OPEN, answers=_ALIVE)
def livez(call: Call) -> bytes:
    """Says that the process answers, to an orchestrator."""
    return call.answer({"status": "OK"})


@route(
    "GET",
    "/readyz",
    door=Door.OPEN,
    answers={
        200: Answer("New clients are welcome", ref("Status")),
        503: Answer("The server starts or drains", ref("NotReady")),
    },
)
def readyz(call: Call) -> bytes:
    """Says whether new clients are welcome."""
    if call.server.lifecycle.is_ready:
        return call.answer({"status": "OK"})
    phase = call.server.lifecycle.phase.value
    status = HTTPStatus.SERVICE_UNAVAILABLE
    call.request.setHeader("Retry-After", str(RETRY_AFTER))
    return call.answer({"status": phase, **error_body(status, f"The server is {phase}")}, status=status)


@route(
    "GET",
    "/metrics",
    door=Door.OPEN,
    answers={200: Answer("All metrics", types=("text/plain", "application/openmetrics-text"))},
)
def metrics(call: Call) -> bytes:
    """Gives everything that is counted, to Prometheus."""
    encode, content_type = _encoder(call.request)
    return answer_bytes(call.request, encode(call.server.metrics.registry), content_type=content_type)


@route("GET", "/stats", door=Door.OPEN, answers={200: Answer("The figures", ref("Stats"))})
def show_stats(call: Call) -> bytes:
    """Gives the figures for dashboards."""
    server = call.server
    return call.answer(stats.snapshot(server.signaling, server.metrics, server.now()))


@route("GET", "/telemetry", door=Door.OPEN, answers={200: Answer("The figures", ref("Telemetry"))})
async def telemetry(call: Call) -> bytes:
    """Says how the machine is doing."""
    return call.answer(await call.server.telemetry.measure())


@route("GET", "/tests", door=Door.OPEN, answers={200: Answer("How it went", ref("SelfTest"))})
def tests(call: Call) -> bytes:
    """Has the server talk through a whole call with itself, in memory, and says how that went."""
    return call.answer(call.server.selftest.result().as_json())


@route("GET", "/openapi.json", door=Door.OPEN, answers={200: Answer("An OpenAPI 3.1 document", {"type": "object"})})
def openapi(call: Call) -> bytes:
    """Describes every route, for programs."""
    return call.answer(call.server.document)


@route("GET", "/asyncapi.json", door=Door.OPEN, answers={200: Answer("An AsyncAPI 3.0 document", {"type": "object"})})
def asyncapi(call: Call) -> bytes:
    """Describes every message that goes over WebSocket, for programs."""
    return answer_bytes(call.request, call.server.protocol, content_type="application/json")


ROUTES: Final = (about, ping, health, livez, readyz, metrics, show_stats, telemetry, tests, openapi, asyncapi)


def _encoder(request: RestRequest) -> tuple[Callable[[Any], bytes], str]:
    """The Prometheus format that fits the Accept header, and its content type."""
    accepted = b",".join(request.requestHeaders.getRawHeaders(b"Accept", [])).decode("latin-1")
    # prometheus_client raises on a version that is none, and would answer in its name otherwise.
    is_sound = all(_VERSION.fullmatch(version) for version in re.findall(r"version=([^,;]*)", accepted))
    return choose_encoder(accepted if is_sound else "")
