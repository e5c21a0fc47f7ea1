"""What the answers of the REST side are, as JSON Schemas (draft 2020-12): the components of its OpenAPI document.

``tests/test_openapi.py`` has real answers checked against these. Layer 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from jsongle_server.call_steps import CallState, Role
from jsongle_server.logs import LEVELS
from jsongle_server.rest_values import Schema
from jsongle_server.session import SessionState
from jsongle_server.vocabulary import RoomKind


def ref(name: str) -> Schema:
    """A schema that is one of :data:`COMPONENTS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(**properties: Schema) -> Schema:
    """An object that has exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def array(items: Schema) -> Schema:
    """An array of alike values."""
    return {"type": "array", "items": items}


TEXT: Final[Schema] = {"type": "string"}
MAYBE_TEXT: Final[Schema] = {"type": ["string", "null"]}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
NUMBER: Final[Schema] = {"type": "number", "minimum": 0}
PERCENT: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 100}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
PORT: Final[Schema] = {"type": ["integer", "null"], "minimum": 0, "maximum": 65535}
LEVEL: Final[Schema] = {"enum": list(LEVELS)}

SESSION_STATES: Final = tuple(state.value for state in SessionState if state is not SessionState.ENDED)
ROOM_KINDS: Final = tuple(kind.value for kind in RoomKind)
CALL_STATES: Final = tuple(state.value for state in CallState)

_BLOCK: Final = {
    "id": TEXT,
    "uid": MAYBE_TEXT,
    "address": MAYBE_TEXT,
    "reason": TEXT,
    "created": TIME,
    "until": TIME,
}

COMPONENTS: Final[Mapping[str, Schema]] = MappingProxyType(
    {
        "Error": record(
            errorCode={"type": "integer", "minimum": 400000, "maximum": 599999},
            errorMsg=TEXT,
        ),
        "About": record(
            name=TEXT, version=TEXT, description=TEXT, started=TIME, id=TEXT, ports=record(ws=PORT, rest=PORT)
        ),
        "Status": record(status={"const": "OK"}),
        "NotReady": record(status={"enum": ["starting", "draining"]}, errorCode={"const": 503001}, errorMsg=TEXT),
        "Stats": {"type": "object", "additionalProperties": NUMBER},
        "Telemetry": record(
            memoryFree=PERCENT,
            diskFree={"anyOf": [PERCENT, {"type": "null"}]},
            cpuFree=PERCENT,
            uptime=NUMBER,
            system=TEXT,
            executionTime=NUMBER,
        ),
        "SelfTest": {
            **record(score={"type": "integer", "minimum": 0, "maximum": 100}, executionTime=NUMBER, failed=array(TEXT)),
            "required": ["score", "executionTime"],
        },
        "Level": record(level=LEVEL, was=LEVEL),
        "Session": record(
            id=TEXT,
            uid=MAYBE_TEXT,
            dn=MAYBE_TEXT,
            state={"enum": list(SESSION_STATES)},
            address=TEXT,
            connected=TIME,
            rooms=array(TEXT),
        ),
        "EndedSession": record(id=TEXT, ended=TIME),
        "Member": record(id=TEXT, uid=TEXT, dn=MAYBE_TEXT),
        "Room": record(rid=TEXT, kind={"enum": list(ROOM_KINDS)}, created=TIME, members=array(ref("Member"))),
        "EmptiedRoom": record(rid=TEXT, emptied=TIME, count=COUNT),
        "Party": record(id=TEXT, uid=TEXT, dn=MAYBE_TEXT, role={"enum": [role.value for role in Role]}),
        "Call": record(
            sid=TEXT,
            state={"enum": list(CALL_STATES)},
            room=MAYBE_TEXT,
            started=TIME,
            answered={"anyOf": [TIME, {"type": "null"}]},
            duration={"anyOf": [NUMBER, {"type": "null"}]},
            parties=array(ref("Party")),
        ),
        "SentMessage": record(id=TEXT, sent=TIME, count=COUNT),
        "Block": record(**_BLOCK),
        "NewBlock": record(**_BLOCK, ended=COUNT),
        "RemovedBlock": record(id=TEXT, removed=TIME),
    }
)
"""Every schema that has a name."""
