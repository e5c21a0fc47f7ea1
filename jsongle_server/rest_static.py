"""The routes of the pages: the dashboard at ``/``, the demo at ``/demo``, and the files that both are made of.

A page has no inline script or style, and its Content-Security-Policy allows none; nothing comes from another host.
Layer 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from string import Template
from typing import Final
from urllib.parse import urlsplit

from jsongle_server.config_addresses import OFF
from jsongle_server.rest_files import HTML, TYPES, answer_file, make_file
from jsongle_server.rest_json import NOT_FOUND, HttpError
from jsongle_server.rest_routes import Answer, Call, Door, route
from jsongle_server.rest_websocket import websocket_address

NOT_MODIFIED: Final = Answer("The client has it already, by its If-None-Match", types=())
NO_FILE: Final = "There is no such file"

_POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
"""What every page may do (Content Security Policy Level 3)."""

_PAGE_HEADERS: Final = {"Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"}
_FILE_HEADERS: Final = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}

DEVICES: Final = ("camera", "microphone", "display-capture")
"""What the demo may ask its user for, and the dashboard may not."""


def bare(content_type: str) -> str:
    """A content type without its parameters, as documents of OpenAPI have them."""
    return content_type.partition(";")[0]


PAGE: Final = bare(HTML)

_FILE: Final[Mapping[int, Answer | str]] = {
    200: Answer("The file", types=tuple(bare(type_) for type_ in TYPES.values() if type_ != HTML)),
    304: NOT_MODIFIED,
    404: NO_FILE,
}


@route("GET", "/", door=Door.OPEN, answers={200: Answer("The page", types=(PAGE,)), 304: NOT_MODIFIED})
def dashboard(call: Call) -> bytes:
    """Serves the dashboard, whose data needs the administrator's token."""
    file = call.server.files["dashboard/index.html"]
    return answer_file(call.request, file, _page_headers(_POLICY, allowed="()"))


@route(
    "GET",
    "/demo",
    door=Door.OPEN,
    answers={
        200: Answer("The page", types=(PAGE,)),
        304: NOT_MODIFIED,
        400: "The address of the WebSocket server cannot be guessed from the request's headers",
        404: "The setting demo is off",
    },
)
def demo(call: Call) -> bytes:
    """Serves a page for video calls, for trying out."""
    if call.server.config.demo == OFF:
        raise HttpError(HTTPStatus.NOT_FOUND, "The demo is off; the setting demo turns it on")
    address = websocket_address(call.request, call.server)
    text = Template(call.server.files["demo/index.html"].body.decode("utf-8"))
    page = make_file(text.substitute(websocket=escape(address or "")).encode("utf-8"), HTML)
    policy = {**_POLICY, "media-src": "'self' blob:"}
    if address is not None:
        policy["connect-src"] += f" {_source(address)}"
    return answer_file(call.request, page, _page_headers(policy, allowed="(self)"))


@route("GET", "/static/{file}", door=Door.OPEN, path={"file": "its name"}, answers=_FILE)
def static_file(call: Call) -> bytes:
    """Serves a file that pages are made of."""
    return _serve(call, call.path["file"])


@route(
    "GET",
    "/static/{folder}/{file}",
    door=Door.OPEN,
    path={"folder": "the folder that it is in", "file": "its name"},
    answers=_FILE,
)
def static_file_in_folder(call: Call) -> bytes:
    """Serves a file of one page."""
    return _serve(call, call.path["folder"], call.path["file"])


ROUTES: Final = (dashboard, demo, static_file, static_file_in_folder)


def _serve(call: Call, *parts: str) -> bytes:
    # A slash within a part would be a second address of the same file.
    is_plain = not any("/" in part for part in parts)
    file = call.server.files.get("/".join(parts)) if is_plain else None
    # A page is only ever served with the headers of its own route.
    if file is None or file.content_type == HTML:
        raise HttpError(HTTPStatus.NOT_FOUND, NOT_FOUND)
    return answer_file(call.request, file, _FILE_HEADERS)


def _page_headers(policy: Mapping[str, str], *, allowed: str) -> dict[str, str]:
    """The headers of a page.

    :param allowed: which origins may use a device in it, in the notation of Permissions-Policy.
    """
    return {
        **_PAGE_HEADERS,
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Permissions-Policy": ", ".join(f"{device}={allowed}" for device in DEVICES),
    }


def _source(address: str) -> str:
    """What allows connections to an address, as a source expression (Content Security Policy Level 3 section 2.3.1).

    Its grammar has no IPv6 addresses: these are allowed by their scheme.
    """
    parts = urlsplit(address)
    return f"{parts.scheme}:" if "[" in parts.netloc else f"{parts.scheme}://{parts.netloc}"
