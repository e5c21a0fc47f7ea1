"""The REST side: all routes in one Klein application, over the same objects as the signaling.

What each route is stands in its own module, ``rest_monitoring`` and its like; here they are put together and served,
and what goes wrong is answered. Importing Klein installs the default reactor, so only ``rest.py`` does it. Layer 4.
"""

from __future__ import annotations

import os
import re
from http import HTTPStatus
from importlib import resources
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from klein import Klein
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from jsongle_server import (
    openapi,
    rest_blocks,
    rest_calls,
    rest_events,
    rest_logs,
    rest_messages,
    rest_monitoring,
    rest_rooms,
    rest_sessions,
    rest_static,
)
from jsongle_server.forwarded import proxies_of
from jsongle_server.rest_auth import Gate
from jsongle_server.rest_context import RestContext
from jsongle_server.rest_files import read_files
from jsongle_server.rest_front import Front
from jsongle_server.rest_json import NOT_FOUND, HttpError, answer_error
from jsongle_server.rest_site import OTHER_ROUTE, RestRequest, RestSite
from jsongle_server.rest_streams import Streams
from jsongle_server.selftest import SelfTest
from jsongle_server.telemetry import Runner, Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted.python.failure import Failure
    from twisted.web.server import Site

    from jsongle_server.config import Config
    from jsongle_server.history import History
    from jsongle_server.lifecycle import Lifecycle
    from jsongle_server.logs import LogControl
    from jsongle_server.metrics import Metrics
    from jsongle_server.rest_routes import Route
    from jsongle_server.signaling import Signaling

ROUTES: Final[tuple[Route, ...]] = (
    *rest_monitoring.ROUTES,
    *rest_logs.ROUTES,
    *rest_sessions.ROUTES,
    *rest_rooms.ROUTES,
    *rest_calls.ROUTES,
    *rest_messages.ROUTES,
    *rest_blocks.ROUTES,
    *rest_static.ROUTES,
    *rest_events.ROUTES,
)
"""Every route there is."""


def _application(routes: Iterable[Route]) -> Klein:
    """An application of routes, to be bound to a :class:`RestApi`."""
    app = Klein()
    # The router would redirect; a machine that asks for //about is better told.
    app.url_map.merge_slashes = False
    for route in routes:
        rule = re.sub(r"{(\w+)}", r"<\1>", route.template)
        app.route(rule, methods=[route.method], endpoint=route.name)(_server_of(route))
    return app


def _server_of(route: Route) -> Callable[..., Any]:
    def serve(api: RestApi, request: RestRequest, **path: str) -> Any:
        return route.serve(api.context, request, path)

    return serve


class RestApi:
    """Every route of a server.

    :param config: its settings.
    :param lifecycle: says whether it is ready.
    :param signaling: its sessions and rooms.
    :param metrics: what it counted.
    :param history: how it has been lately.
    :param control: its log level.
    :param log_path: the log file to show; ``None`` where there is none.
    :param reactor: gives the time and threads.
    :param run: runs something that may block in a thread, unless the reactor is to do so.
    """

    app = _application(ROUTES)

    def __init__(
        self,
        *,
        config: Config,
        lifecycle: Lifecycle,
        signaling: Signaling,
        metrics: Metrics,
        history: History,
        control: LogControl,
        log_path: str | None,
        reactor: Any,
        run: Runner | None = None,
    ) -> None:
        watched = os.path.dirname(log_path) if log_path else os.sep
        self.context = RestContext(
            config=config,
            gate=_gate(config, reactor),
            proxies=proxies_of(config.trusted_proxies),
            lifecycle=lifecycle,
            signaling=signaling,
            metrics=metrics,
            control=control,
            log_path=log_path,
            telemetry=Telemetry(started=lifecycle.started, path=watched, reactor=reactor, run=run),
            selftest=_selftest(config, reactor),
            document=openapi.document(ROUTES),
            streams=Streams(
                config=config,
                lifecycle=lifecycle,
                history=history,
                control=control,
                signaling=signaling,
                reactor=reactor,
            ),
            protocol=resources.files("jsongle_server").joinpath("asyncapi.json").read_bytes(),
            files=read_files(),
            reactor=reactor,
        )

    @property
    def streams(self) -> Streams:
        """The streams of events that are open."""
        return self.context.streams

    def reconfigure(self, config: Config) -> None:
        """Goes by other settings from now on."""
        self.streams.reconfigure(config)
        self.context.config = config
        self.context.gate = _gate(config, self.context.reactor)
        self.context.proxies = proxies_of(config.trusted_proxies)
        self.context.selftest = _selftest(config, self.context.reactor)

    def resource(self) -> Front:
        """The root of the site; made to be served by :func:`make_site`."""
        return Front(
            self.app.resource(),
            origins=lambda: self.context.config.cors_policy_origin,
            route_of=self.route_of,
            proxies=lambda: self.context.proxies,
        )

    def count(self, route: str, status: int) -> None:
        """Counts an answered request."""
        self.context.metrics.requests[route, int(status)] += 1

    def route_of(self, path: str) -> str:
        """The template of the route that a path belongs to, whatever the method.

        :param path: without the query, each part of it percent-encoded.
        """
        routes = self.app.url_map.bind("localhost")
        methods = routes.allowed_methods(path)
        if not methods:
            return OTHER_ROUTE
        rule, _ = routes.match(path, method=sorted(methods)[0], return_rule=True)
        return re.sub(r"<(\w+)>", r"{\1}", rule.rule)

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


def _gate(config: Config, reactor: Any) -> Gate:
    return Gate(config.admin_token, config.cors_policy_origin, now=reactor.seconds)


def _selftest(config: Config, reactor: Any) -> SelfTest:
    return SelfTest(config, now=reactor.seconds, stopwatch=perf_counter)
