"""What a route is: one declaration that is served, guarded, checked and documented.

A route is a function with :func:`route` around it, which names its method and path, its door, what it takes and what it
answers. From that declaration come the routing (:mod:`jsongle_server.rest`), the check at the door and those of path,
query and body, and the document of ``GET /openapi.json`` (:mod:`jsongle_server.openapi`); no handler sees a request
that has not passed them. To add a route::

    @route(
        "GET",
        "/kettles/{id}",
        door=Door.ADMINISTRATOR,
        path={"id": "the kettle's number"},
        query=(Parameter("unit", Choice(("c", "f")), "how to say its temperature", default="c"),),
        answers={200: Answer("The kettle", ref("Kettle")), 404: "There is no such kettle"},
    )
    def show_kettle(call: Call) -> bytes:
        '''Shows a kettle.'''
        return call.answer({"temperature": ...})

list it in ``ROUTES`` of its module, and that in ``ROUTES`` of :mod:`jsongle_server.rest`; describe what it answers in
:mod:`jsongle_server.rest_schemas` and in docs/rest.md. The first line of its docstring is its summary. A route that
changes something writes one line with :func:`jsongle_server.rest_audit.audit`. Layer 4: imports no Klein.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

import orjson

from jsongle_server.rest_auth import Gate
from jsongle_server.rest_caller import describe_caller
from jsongle_server.rest_json import HttpError, answer
from jsongle_server.rest_values import Kind, Schema, bad, from_text

if TYPE_CHECKING:
    from jsongle_server.rest_context import RestContext
    from jsongle_server.rest_site import RestRequest

MAX_PARAMETERS: Final = 32
"""Most parameters in a query."""

Handler = Callable[["Call"], Any]
"""Answers a request: takes a call, returns the body to write, or a Deferred or coroutine of it."""


class Door(Enum):
    """Who may use a route."""

    OPEN = auto()
    ADMINISTRATOR = auto()
    LOCAL = auto()
    """Administrators, and where no token is configured callers on this machine."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query, which may be left out.

    :param text: what it is for.
    :param default: its value where it is left out.
    """

    name: str
    kind: Kind
    text: str
    default: Any = None


@dataclass(frozen=True, slots=True)
class Body:
    """What the body of a request must be.

    :param like: an example, and what else there is to say; whoever sends something else reads it.
    """

    kind: Kind
    like: str

    def read(self, body: bytes) -> Any:
        """Reads one, whatever its content type says.

        :raises HttpError: 400, with what it must be.
        """
        try:
            return self.kind.check(orjson.loads(body), "body")
        except orjson.JSONDecodeError as error:
            raise bad(f"The body must be JSON like {self.like}") from error
        except HttpError as error:
            raise bad(f"{error.message}; the body must be JSON like {self.like}") from error


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers with some status.

    :param text: what it is.
    :param schema: what its JSON is; ``None`` where it is none.
    :param types: its content types.
    :param links: where its values lead to: by the name of a route, the name of a value in its path and where in the
        answer that stands, as a JSON Pointer (RFC 6901).
    """

    text: str
    schema: Schema | None = None
    types: tuple[str, ...] = ("application/json",)
    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has passed its door, all of whose values have been checked.

    :ivar server: what there is to show and change.
    :ivar path: the values in its path, decoded.
    :ivar query: the values of its query, those left out with their defaults.
    :ivar body: what its body says; ``None`` where the route takes none.
    """

    request: RestRequest
    server: RestContext
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any

    @property
    def caller(self) -> str:
        """The caller's address, for people to read."""
        return describe_caller(self.request.getClientAddress())

    def answer(self, payload: object, *, status: HTTPStatus = HTTPStatus.OK) -> bytes:
        """Prepares an answer in JSON; returns the body to write."""
        return answer(self.request, payload, status=status)


@dataclass(frozen=True, slots=True)
class Route:
    """A route; parameters as of :func:`route`."""

    method: str
    template: str
    door: Door
    handler: Handler
    path: Mapping[str, str] = field(default_factory=dict)
    query: tuple[Parameter, ...] = ()
    body: Body | None = None
    answers: Mapping[int, Answer | str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return (self.handler.__doc__ or "").partition("\n")[0].removesuffix(".")

    def serve(self, server: RestContext, request: RestRequest, path: Mapping[str, str]) -> Any:
        """Answers a request.

        :param path: the values in its path, percent-encoded.
        :raises HttpError: it may not, or its values are not what they may be.
        """
        _DOORS[self.door](server.gate, request)
        values = {name: unquote(value) for name, value in path.items()}
        query = self._read_query(request)
        body = None if self.body is None else self.body.read(request.content.read())
        return self.handler(Call(request, server, values, query, body))

    def _read_query(self, request: RestRequest) -> dict[str, Any]:
        # Probes and scrapers add parameters of their own to get around caches: nothing follows from them.
        if not self.query:
            return {}
        given = _parse_query(request.uri.partition(b"?")[2])
        known = {parameter.name: parameter for parameter in self.query}
        if given.keys() - known.keys():
            raise bad(f"The parameters of this query are {', '.join(known)}")
        return {
            name: from_text(parameter.kind, given[name], name) if name in given else parameter.default
            for name, parameter in known.items()
        }


def route(
    method: str,
    template: str,
    *,
    door: Door,
    answers: Mapping[int, Answer | str],
    path: Mapping[str, str] | None = None,
    query: tuple[Parameter, ...] = (),
    body: Body | None = None,
) -> Callable[[Handler], Route]:
    """Makes a route of a function.

    :param method: its HTTP method; where that is GET, HEAD is served too.
    :param template: its path; ``{name}`` stands for one part of it, any text.
    :param door: who may use it.
    :param answers: what it answers by HTTP status; a text alone is an error. Those that follow from door, query and
        body go without saying.
    :param path: what each name in the path is.
    :param query: the parameters that its query may have; none means that its query is overlooked.
    :param body: what its body must be.
    """

    def declare(handler: Handler) -> Route:
        return Route(method, template, door, handler, path or {}, query, body, answers)

    return declare


def _parse_query(text: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise bad(f"The query must be percent-encoded UTF-8, with {MAX_PARAMETERS} parameters at most") from error
    values = dict(pairs)
    if len(values) < len(pairs):
        raise bad("The query has a parameter twice")
    return values


def _let_in(gate: Gate, request: RestRequest) -> None:
    """Everybody may."""


_DOORS: Final[Mapping[Door, Callable[[Gate, RestRequest], None]]] = {
    Door.OPEN: _let_in,
    Door.ADMINISTRATOR: Gate.admit_administrator,
    Door.LOCAL: Gate.admit_local_or_administrator,
}
