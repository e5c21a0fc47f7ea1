"""The routes of blocks: keeping a user or an address out for a time. Layer 4."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from jsongle_server.blocks import MAX_BLOCK_SECONDS, MAX_BLOCKS, Block, TooManyBlocks
from jsongle_server.messages import timestamp
from jsongle_server.privacy import obfuscated, printable
from jsongle_server.rest_audit import audit
from jsongle_server.rest_json import HttpError
from jsongle_server.rest_pages import PAGE, page, page_of
from jsongle_server.rest_routes import Answer, Body, Call, Door, route
from jsongle_server.rest_schemas import ref
from jsongle_server.rest_turns import in_turns
from jsongle_server.rest_values import Fields, Kind, Network, OneOf, Text, Whole
from jsongle_server.rest_views import block_view
from jsongle_server.session import SessionState
from jsongle_server.vocabulary import CloseCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.internet.defer import Deferred

    from jsongle_server.rest_context import RestContext

_TERMS: Final[dict[str, Kind]] = {"seconds": Whole(1, MAX_BLOCK_SECONDS), "reason": Text()}


@route(
    "POST",
    "/blocks",
    door=Door.ADMINISTRATOR,
    body=Body(
        OneOf((Fields({"uid": Text(), **_TERMS}), Fields({"address": Network(), **_TERMS}))),
        f'{{"uid": "user_7000", "seconds": 3600, "reason": "spam"}}, or have "address", an IP address or a network, '
        f"instead of uid; from 1 to {MAX_BLOCK_SECONDS} seconds, with a reason of 1 to 256 characters",
    ),
    answers={
        201: Answer(
            "The block, and how many sessions it has ended", ref("NewBlock"), links={"remove_block": ("id", "/id")}
        ),
        409: "There are as many blocks as there may be",
    },
)
async def add_block(call: Call) -> bytes:
    """Blocks a user id, an address or a network for a time, and ends their sessions."""
    asked, signaling, now = call.body, call.server.signaling, call.server.now()
    block = Block(
        id=signaling.new_id(),
        reason=asked["reason"],
        created=now,
        until=now + asked["seconds"],
        uid=asked.get("uid"),
        network=asked.get("address"),
    )
    try:
        signaling.blocks.add(block, now)
    except TooManyBlocks as error:
        message = f"There are {MAX_BLOCKS} blocks, as many as there may be"
        raise HttpError(HTTPStatus.CONFLICT, message) from error
    ended = await _end_all(call, block)
    return call.answer({**block_view(block), "ended": ended}, status=HTTPStatus.CREATED)


@route(
    "GET",
    "/blocks",
    door=Door.ADMINISTRATOR,
    query=PAGE,
    answers={200: page_of("blocks", "Block", "The blocks that hold, the oldest first")},
)
def list_blocks(call: Call) -> bytes:
    """Lists the blocks that hold."""
    return page(call, "blocks", call.server.signaling.blocks.all(call.server.now()), block_view)


@route(
    "DELETE",
    "/blocks/{id}",
    door=Door.ADMINISTRATOR,
    path={"id": "the block's id"},
    answers={200: Answer("It holds no more", ref("RemovedBlock")), 404: "There is no such block"},
)
def remove_block(call: Call) -> bytes:
    """Ends a block before its time."""
    now = call.server.now()
    block = call.server.signaling.blocks.remove(call.path["id"], now)
    if block is None:
        raise HttpError(HTTPStatus.NOT_FOUND, "There is no such block")
    audit(call.caller, "unblock", target=_name(block), result=f"block {block.id} removed")
    return call.answer({"id": block.id, "removed": timestamp(now)})


ROUTES: Final = (add_block, list_blocks, remove_block)


def _end_all(call: Call, block: Block) -> Deferred[int]:
    """Ends the sessions of a block; fires with how many that were."""
    caller = call.caller

    def note(ended: int) -> None:
        result = f"block {block.id} until {timestamp(block.until)}, sessions ended: {ended}, {printable(block.reason)}"
        audit(caller, "block", target=_name(block), result=result)

    return in_turns(_end_each(call.server, block), call.server.reactor, note)


def _end_each(server: RestContext, block: Block) -> Iterator[int]:
    """Ends one session with each step, the latest first, so that few are told of others that end as well.

    :returns: yields for each to how many connections that may have been told.
    """
    covered = [session for session in server.signaling.sessions() if block.covers(session.uid, session.remote)]
    for session in reversed(covered):
        if session.state is SessionState.ENDED:
            continue  # it has ended by itself meanwhile
        told = 1 + sum(len(room) for room in session.rooms.values())
        session.close(CloseCode.ENDED_BY_ADMINISTRATOR, "blocked by an administrator", server.now())
        yield told


def _name(block: Block) -> str:
    """Whom a block is of, for the log, in which user ids are shortened."""
    return f"address {block.network}" if block.uid is None else f"uid {obfuscated(block.uid)}"
