"""The files that the pages are made of: read once, and sent to whoever does not have them yet.

They come with the package, under ``static``. What is served is a table made at the start, so that no path can lead
anywhere else. Layer 4.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING, Final

from jsongle_server.rest_json import answer_bytes

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from twisted.web.http import Request

HTML: Final = "text/html; charset=utf-8"

TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": HTML,
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
"""The content type of a file, by the end of its name; others are not served."""

_ETAG: Final = re.compile(r'(?:W/)?("[!#-~]*")')


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent.

    :ivar etag: its entity tag (RFC 9110 section 8.8.3).
    """

    body: bytes
    content_type: str
    etag: str


def make_file(body: bytes, content_type: str) -> StaticFile:
    """Makes a file of what it holds."""
    return StaticFile(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def read_files() -> Mapping[str, StaticFile]:
    """All files of the package under ``static``, by their paths there: ``demo/app.js``."""
    return {
        path: make_file(file.read_bytes(), TYPES[end])
        for path, file in _walk(resources.files("jsongle_server").joinpath("static"), "")
        if (end := path.rpartition(".")[2]) in TYPES
    }


def answer_file(request: Request, file: StaticFile, headers: Mapping[str, str]) -> bytes:
    """Prepares to answer with a file, or with 304 where the client has it already (RFC 9110 section 13.1.2).

    :param headers: what the answer carries besides.
    :returns: the body to write.
    """
    # Kept by the browser, but never used without asking: a new release of the server comes with new files.
    for name, value in {**headers, "Cache-Control": "no-cache", "ETag": file.etag}.items():
        request.setHeader(name, value)
    if _has_it(request, file.etag):
        request.setResponseCode(HTTPStatus.NOT_MODIFIED)
        return b""
    return answer_bytes(request, file.body, content_type=file.content_type)


def _has_it(request: Request, etag: str) -> bool:
    given = b",".join(request.requestHeaders.getRawHeaders(b"If-None-Match", [])).decode("latin-1")
    return given.strip() == "*" or etag in _ETAG.findall(given)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, f"{path}/")
        else:
            yield path, entry
