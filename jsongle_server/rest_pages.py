"""Long lists, a page at a time. Layer 4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from jsongle_server.rest_routes import Answer, Call, Parameter
from jsongle_server.rest_schemas import COUNT, array, record, ref
from jsongle_server.rest_values import Whole

MAX_LIMIT: Final = 1000
DEFAULT_LIMIT: Final = 100

PAGE: Final = (
    Parameter("limit", Whole(1, MAX_LIMIT), "most entries in the answer", default=DEFAULT_LIMIT),
    Parameter("offset", Whole(0, 10**9), "how many entries to leave out at the beginning", default=0),
)
"""The parameters of every list."""

T = TypeVar("T")


def page(call: Call, key: str, found: Sequence[T], view: Callable[[T], dict[str, Any]]) -> bytes:
    """Answers with a page of a list.

    :param key: what the list is called.
    :param found: all that there is to list.
    :param view: what is shown of each entry.
    """
    limit, offset = call.query["limit"], call.query["offset"]
    shown = [view(each) for each in found[offset : offset + limit]]
    return call.answer({key: shown, "count": len(found), "limit": limit, "offset": offset})


def page_of(key: str, component: str, text: str) -> Answer:
    """What :func:`page` answers.

    :param component: the name of the schema of its entries.
    """
    return Answer(text, record(**{key: array(ref(component))}, count=COUNT, limit=COUNT, offset=COUNT))
