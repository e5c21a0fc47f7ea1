"""The routes of the log: its level and its file. Layer 4."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from jsongle_server.logs import LEVELS
from jsongle_server.rest_audit import audit
from jsongle_server.rest_download import Download, open_regular
from jsongle_server.rest_json import HttpError
from jsongle_server.rest_routes import Answer, Body, Call, Door, route
from jsongle_server.rest_schemas import ref
from jsongle_server.rest_values import Choice, Fields

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred


@route(
    "GET",
    "/logs",
    door=Door.ADMINISTRATOR,
    answers={
        200: Answer("The file", types=("text/plain", "application/x-ndjson")),
        404: "There is no log file; the answer says which setting makes one",
        500: "The log file cannot be read; the answer says why",
    },
)
def download_log(call: Call) -> bytes | Deferred[None]:
    """Sends the current log file."""
    server, request = call.server, call.request
    try:
        if server.log_path is None:
            raise FileNotFoundError
        file, size = open_regular(server.log_path)
    except (FileNotFoundError, NotADirectoryError) as error:
        message = "There is no log file; the setting logPath makes one"
        raise HttpError(HTTPStatus.NOT_FOUND, message) from error
    except OSError as error:
        message = f"The log file cannot be read: {error.strerror}"
        raise HttpError(HTTPStatus.INTERNAL_SERVER_ERROR, message) from error
    is_json = server.config.log_format == "json"
    request.setHeader("Content-Type", "application/x-ndjson" if is_json else "text/plain; charset=utf-8")
    request.setHeader("Content-Length", str(size))
    request.setHeader("Content-Disposition", 'attachment; filename="jsongle-server.log"')
    if request.method == b"HEAD":
        file.close()
        return b""
    return Download(request, file, size, reactor=server.reactor).start()


@route(
    "PUT",
    "/logs/levels",
    door=Door.LOCAL,
    body=Body(
        Fields({"level": Choice(LEVELS, any_case=True)}, is_open=True),
        f'{{"level": "info"}}; the levels are {", ".join(LEVELS)}',
    ),
    answers={200: Answer("The level is another one from now on", ref("Level"))},
)
def set_level(call: Call) -> bytes:
    """Changes the log level of console and file."""
    level = call.body["level"]
    # Said under the more talkative of the two levels, which may be either.
    control = call.server.control
    was = control.level
    before = control.enabled("info")
    if before:
        _audit_level(call.caller, was, level)
    control.set_level(level)
    if not before:
        _audit_level(call.caller, was, level)
    return call.answer({"level": level, "was": was})


ROUTES: Final = (download_log, set_level)


def _audit_level(caller: str, was: str, new: str) -> None:
    audit(caller, "set", target="log level", result=f"{new}, was {was}", new=new, was=was)
