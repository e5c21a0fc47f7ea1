"""The OpenAPI document of the REST side (OpenAPI 3.1.0), made of the same declarations that are served. Layer 4."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from jsongle_server import __version__
from jsongle_server.rest_json import JSON
from jsongle_server.rest_routes import Answer, Door, Parameter, Route
from jsongle_server.rest_schemas import COMPONENTS, ref
from jsongle_server.rest_site import MAX_BODY

Json = dict[str, Any]

SCHEME: Final = "adminToken"
"""The name of the way to show the token."""

_ABOUT: Final = (
    "Monitoring and administration of a JSONgle-Server. HEAD works wherever GET does. Every error is an object with "
    "errorCode and errorMsg."
)

_SECURITY: Final[dict[Door, list[Json]]] = {
    Door.OPEN: [],
    Door.ADMINISTRATOR: [{SCHEME: []}],
    Door.LOCAL: [{}, {SCHEME: []}],
}
"""What a caller needs to have, by door; an empty object stands for nothing."""

_CLOSED: Final = {
    Door.ADMINISTRATOR: "No token is configured, so that this is closed",
    Door.LOCAL: "No token is configured, and the caller is not on the server's own machine",
}


def document(routes: Iterable[Route]) -> Json:
    """The document of some routes."""
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "JSONgle-Server", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(COMPONENTS),
            "securitySchemes": {
                SCHEME: {"type": "http", "scheme": "bearer", "description": "The setting adminToken of the server"}
            },
        },
    }


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "security": _SECURITY[route.door],
        "responses": {str(status): _response(answer) for status, answer in sorted(_answers(route).items())},
    }
    if parameters := [*_path_parameters(route), *(_query_parameter(parameter) for parameter in route.query)]:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": route.body.kind.schema()}}}
    return operation


def _path_parameters(route: Route) -> list[Json]:
    schema = {"type": "string", "minLength": 1}
    return [
        {"name": name, "in": "path", "required": True, "description": text, "schema": schema}
        for name, text in route.path.items()
    ]


def _query_parameter(parameter: Parameter) -> Json:
    schema = parameter.kind.schema()
    if parameter.default is not None:
        schema["default"] = parameter.default
    return {"name": parameter.name, "in": "query", "description": parameter.text, "schema": schema}


def _answers(route: Route) -> dict[int, Answer | str]:
    """What a route answers, with what goes without saying in its declaration."""
    implied: dict[int, Answer | str] = {}
    if route.door is not Door.OPEN:
        implied[HTTPStatus.UNAUTHORIZED] = "The token is missing, or not the one that is configured"
        implied[HTTPStatus.FORBIDDEN] = _CLOSED[route.door]
    if route.path or route.query or route.body is not None:
        implied[HTTPStatus.BAD_REQUEST] = "A value is not what it may be; the answer says what that is"
    if route.body is not None:
        implied[HTTPStatus.REQUEST_ENTITY_TOO_LARGE] = f"The body has more than {MAX_BODY} bytes"
    return {**implied, **route.answers}


def _response(answer: Answer | str) -> Json:
    if isinstance(answer, str):
        answer = Answer(answer, ref("Error"))
    content = {type_: {} if answer.schema is None else {"schema": answer.schema} for type_ in answer.types}
    response: Json = {"description": answer.text, "content": content}
    if answer.links:
        response["links"] = {
            name: {"operationId": name, "parameters": {parameter: f"$response.body#{pointer}"}}
            for name, (parameter, pointer) in answer.links.items()
        }
    return response
