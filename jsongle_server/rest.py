"""The REST side: what can be asked for over HTTP, and what is answered.

A Klein application over the same objects as the signaling; it looks at them, and changes only the log level and the
lives of sessions. Importing Klein installs the default reactor, so only ``rest.py`` does it. Layer 4.
"""

from __future__ import annotations

import os
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from klein import Klein
from prometheus_client.exposition import choose_encoder
from twisted.logger import Logger
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from jsongle_server import __version__, stats
from jsongle_server.handshake import RETRY_AFTER
from jsongle_server.logs import LEVELS
from jsongle_server.messages import timestamp
from jsongle_server.rest_auth import Gate, describe_caller
from jsongle_server.rest_download import Download, open_regular
from jsongle_server.rest_front import Front
from jsongle_server.rest_json import NOT_FOUND, HttpError, answer, answer_bytes, answer_error, error_body
from jsongle_server.rest_site import OTHER_ROUTE, RestRequest, RestSite
from jsongle_server.rest_views import room_view, session_view
from jsongle_server.telemetry import Runner, Telemetry
from jsongle_server.vocabulary import CloseCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure
    from twisted.web.server import Site

    from jsongle_server.config import Config
    from jsongle_server.lifecycle import Lifecycle
    from jsongle_server.logs import LogControl
    from jsongle_server.metrics import Metrics
    from jsongle_server.signaling import Signaling

NAME: Final = "JSONgle-Server"
DESCRIPTION: Final = "A WebRTC signaling server: JSONgle over WebSocket, monitored over REST"

_VERSION: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){1,2}\s*")


class RestApi:
    """Every route of a server.

    :param config: its settings.
    :param lifecycle: says whether it is ready.
    :param signaling: its sessions and rooms.
    :param metrics: what it counted.
    :param control: its log level.
    :param log_path: the log file to show; ``None`` where there is none.
    :param reactor: gives the time and threads.
    :param run: runs something that may block in a thread, unless the reactor is to do so.
    """

    _log = Logger()

    app = Klein()
    # The router would redirect; a machine that asks for //about is better told.
    app.url_map.merge_slashes = False

    def __init__(
        self,
        *,
        config: Config,
        lifecycle: Lifecycle,
        signaling: Signaling,
        metrics: Metrics,
        control: LogControl,
        log_path: str | None,
        reactor: Any,
        run: Runner | None = None,
    ) -> None:
        self._config = config
        self._lifecycle = lifecycle
        self._signaling = signaling
        self._metrics = metrics
        self._control = control
        self._log_path = log_path
        self._reactor = reactor
        self._now: Callable[[], float] = reactor.seconds
        self._gate = Gate(config.admin_token, config.cors_policy_origin, now=self._now)
        watched = os.path.dirname(log_path) if log_path else os.sep
        self._telemetry = Telemetry(started=lifecycle.started, path=watched, reactor=reactor, run=run)

    def reconfigure(self, config: Config) -> None:
        """Goes by other settings from now on."""
        self._config = config
        self._gate = Gate(config.admin_token, config.cors_policy_origin, now=self._now)

    def resource(self) -> Front:
        """The root of the site; made to be served by :func:`make_site`."""
        return Front(self.app.resource(), lambda: self._config.cors_policy_origin, self.route_of)

    def count(self, route: str, status: int) -> None:
        """Counts an answered request."""
        self._metrics.requests[route, int(status)] += 1

    def route_of(self, path: str) -> str:
        """The template of the route that a path belongs to, whatever the method.

        :param path: decoded, without the query.
        """
        routes = self.app.url_map.bind("localhost")
        methods = routes.allowed_methods(path)
        if not methods:
            return OTHER_ROUTE
        rule, _ = routes.match(path, method=sorted(methods)[0], return_rule=True)
        return re.sub(r"<(\w+)>", r"{\1}", rule.rule)

    @app.route("/about", methods=["GET"])
    def about(self, request: RestRequest) -> bytes:
        """Says who this is."""
        life = self._lifecycle
        about = {
            "name": NAME,
            "version": __version__,
            "description": DESCRIPTION,
            "started": timestamp(life.started),
            "id": self._config.id,
            "ports": {"ws": life.ws_port, "rest": life.rest_port},
        }
        return answer(request, about)

    @app.route("/ping", methods=["GET"])
    @app.route("/health", methods=["GET"])
    @app.route("/livez", methods=["GET"])
    def alive(self, request: RestRequest) -> bytes:
        """Says that the process answers."""
        return answer(request, {"status": "OK"})

    @app.route("/readyz", methods=["GET"])
    def ready(self, request: RestRequest) -> bytes:
        """Says whether new clients are welcome."""
        if self._lifecycle.is_ready:
            return answer(request, {"status": "OK"})
        phase = self._lifecycle.phase.value
        status = HTTPStatus.SERVICE_UNAVAILABLE
        request.setHeader("Retry-After", str(RETRY_AFTER))
        return answer(request, {"status": phase, **error_body(status, f"The server is {phase}")}, status=status)

    @app.route("/metrics", methods=["GET"])
    def metrics(self, request: RestRequest) -> bytes:
        """Gives everything that is counted, to Prometheus."""
        encode, content_type = _encoder(request)
        return answer_bytes(request, encode(self._metrics.registry), content_type=content_type)

    @app.route("/stats", methods=["GET"])
    def stats(self, request: RestRequest) -> bytes:
        """Gives the figures for dashboards."""
        return answer(request, stats.snapshot(self._signaling, self._metrics, self._now()))

    @app.route("/telemetry", methods=["GET"])
    async def telemetry(self, request: RestRequest) -> bytes:
        """Says how the machine is doing."""
        return answer(request, await self._telemetry.measure())

    @app.route("/logs", methods=["GET"])
    def logs(self, request: RestRequest) -> bytes | Deferred[None]:
        """Sends the current log file."""
        self._gate.admit_administrator(request)
        try:
            if self._log_path is None:
                raise FileNotFoundError
            file, size = open_regular(self._log_path)
        except (FileNotFoundError, NotADirectoryError) as error:
            message = "There is no log file; the setting logPath makes one"
            raise HttpError(HTTPStatus.NOT_FOUND, message) from error
        except OSError as error:
            message = f"The log file cannot be read: {error.strerror}"
            raise HttpError(HTTPStatus.INTERNAL_SERVER_ERROR, message) from error
        is_json = self._config.log_format == "json"
        request.setHeader("Content-Type", "application/x-ndjson" if is_json else "text/plain; charset=utf-8")
        request.setHeader("Content-Length", str(size))
        request.setHeader("Content-Disposition", 'attachment; filename="jsongle-server.log"')
        if request.method == b"HEAD":
            file.close()
            return b""
        return Download(request, file, size, reactor=self._reactor).start()

    @app.route("/logs/levels", methods=["PUT"])
    def set_level(self, request: RestRequest) -> bytes:
        """Changes the log level."""
        self._gate.admit_local_or_administrator(request)
        level = _level_in(request.content.read())
        # Said under the more talkative of the two levels, which may be either.
        was = self._control.level
        before = self._control.enabled("info")
        if before:
            self._log_level_change(request, was, level)
        self._control.set_level(level)
        if not before:
            self._log_level_change(request, was, level)
        return answer(request, {"level": level, "was": was})

    @app.route("/sessions", methods=["GET"])
    def sessions(self, request: RestRequest) -> bytes:
        """Lists the live sessions."""
        self._gate.admit_administrator(request)
        listed = [session_view(session) for session in self._signaling.sessions()]
        return answer(request, {"sessions": listed, "count": len(listed)})

    @app.route("/sessions/<id>", methods=["DELETE"])
    def end_session(self, request: RestRequest, id: str) -> bytes:
        """Ends a session and closes its connection."""
        self._gate.admit_administrator(request)
        session = self._signaling.find(id)
        if session is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "There is no such session")
        now = self._now()
        caller = describe_caller(request.getClientAddress())
        self._log.info("{session} ended by administrator {caller}", session=session.identity, caller=caller)
        session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "ended by an administrator", now)
        return answer(request, {"id": session.identity, "ended": timestamp(now)})

    @app.route("/rooms", methods=["GET"])
    def rooms(self, request: RestRequest) -> bytes:
        """Lists the rooms and who is in them."""
        self._gate.admit_administrator(request)
        listed = [room_view(room) for room in self._signaling.rooms.all()]
        return answer(request, {"rooms": listed, "count": len(listed)})

    def _log_level_change(self, request: RestRequest, was: str, new: str) -> None:
        caller = describe_caller(request.getClientAddress())
        self._log.info("log level {new}, was {was}, set by {caller}", new=new, was=was, caller=caller)

    @app.handle_errors(HttpError)
    def refused(self, request: Any, failure: Failure) -> bytes:
        """Answers what a route refused."""
        assert isinstance(failure.value, HttpError)
        return answer_error(request, failure.value)

    @app.handle_errors(HTTPException)
    def not_routed(self, request: Any, failure: Failure) -> bytes:
        """Answers what no route is for."""
        problem = failure.value
        if isinstance(problem, MethodNotAllowed):
            allowed = ", ".join(sorted(problem.valid_methods or ()))
            error = HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"Allowed here: {allowed}", headers={"Allow": allowed})
        else:
            error = HttpError(HTTPStatus.NOT_FOUND, NOT_FOUND)
        return answer_error(request, error)


def make_site(api: RestApi, reactor: Any) -> Site:
    """The HTTP server of the routes: a factory to listen with.

    :param reactor: times its connections.
    """
    return RestSite(api.resource(), api.count, reactor=reactor)


def _encoder(request: RestRequest) -> tuple[Callable[[Any], bytes], str]:
    """The Prometheus format that fits the Accept header, and its content type."""
    accepted = b",".join(request.requestHeaders.getRawHeaders(b"Accept", [])).decode("latin-1")
    # prometheus_client raises on a version that is none, and would answer in its name otherwise.
    is_sound = all(_VERSION.fullmatch(version) for version in re.findall(r"version=([^,;]*)", accepted))
    return choose_encoder(accepted if is_sound else "")


def _level_in(body: bytes) -> str:
    """The level that a body asks for.

    :raises HttpError: 400, with the accepted ones.
    """
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        asked = None
    level = asked.get("level") if isinstance(asked, dict) else None
    level = level.lower() if isinstance(level, str) else None
    if level is None or level not in LEVELS:
        message = f'The body must be JSON like {{"level": "info"}}; the levels are {", ".join(LEVELS)}'
        raise HttpError(HTTPStatus.BAD_REQUEST, message)
    return level
