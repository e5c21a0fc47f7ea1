"""What the schemas of ``jsongle_server/asyncapi.json`` refuse: each example, spoiled in every way."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.asyncapi import FROM_PEER, FROM_SERVER, TO_PEER, TO_SERVER, Json, document, fault

NOTHING_LIKE_IT: Final = [["odd"]]
"""A value that nothing is that is not free."""

NO_MESSAGES: Final[tuple[object, ...]] = (
    *(None, [], {}, {"jsongle": None}, {"jsongle": {}}),
    *({"jsongle": {"action": []}}, {"jsongle": {"action": None}}, {"jsongle": {"action": "session-hum"}}),
)

Path = tuple[Any, ...]

ECHOED: Final = ("jsongle.sid", "jsongle.initiator", "jsongle.responder")
OPTIONAL: Final = {
    "fromServer.helloSuccess": ("jsongle.description.resume",),
    "fromServer.error": ("jsongle.description.mid",),
    "fromServer.iqError": ("jsongle.query",),
    "fromServer.received": ("jsongle.namespace",),
    **dict.fromkeys(("fromServer.trying", "fromServer.unreachable", "fromServer.retract"), ECHOED),
    **dict.fromkeys(("fromServer.joined", "fromServer.members"), ("jsongle.description.members.0.dn",)),
    **dict.fromkeys(("fromServer.memberJoined", "fromServer.memberLeft"), ("jsongle.description.member.dn",)),
}
"""What may be missing in what the server says itself, of what stands in the examples; members of lists apart."""

OPEN: Final = {
    **dict.fromkeys(("fromServer.joined", "fromServer.members"), ("jsongle.description.members.0",)),
    **dict.fromkeys(("fromServer.memberJoined", "fromServer.memberLeft"), ("jsongle.description.member",)),
}
"""To what there may be more: members show what they said of themselves."""

FREE: Final = {
    **dict.fromkeys(
        ("helloSuccess", "helloFailure", "joined", "left", "members", "pong", "iceServers"), ("jsongle.transaction",)
    ),
    "iqError": ("jsongle.transaction", "jsongle.query"),
    "received": ("jsongle.namespace",),
    **dict.fromkeys(("trying", "unreachable", "retract"), ECHOED),
}
"""What the server only repeats, and so may be anything."""

THEIRS: Final = "fromServer.serverMessage"
"""The one message of the server's whose description is somebody else's."""


def examples(*families: str) -> Iterator[tuple[str, Json]]:
    """The name and the first example of each message of some families."""
    for name, message in document()["components"]["messages"].items():
        if name.partition(".")[0] in families:
            yield name, message["examples"][0]["payload"]


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where the values in a JSON value are."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from paths(each, (*path, key))


def at(value: Any, path: Path) -> Any:
    """The value at a path."""
    for key in path:
        value = value[key]
    return value


def dotted(path: Path) -> str:
    """A path as the tables above have it."""
    return ".".join(map(str, path))


def without(message: Json, path: Path) -> Json:
    """A message less one value."""
    spoiled = copy.deepcopy(message)
    del at(spoiled, path[:-1])[path[-1]]
    return spoiled


def replaced(message: Json, path: Path, value: Any) -> Json:
    """A message with another value in one place."""
    spoiled = copy.deepcopy(message)
    at(spoiled, path[:-1])[path[-1]] = value
    return spoiled


class OwnTests(SynchronousTestCase):
    """What the server itself says is exactly what the document says."""

    def each(self) -> Iterator[tuple[str, Json, list[Path]]]:
        """Each message, its example, and where the values are that are the server's own."""
        for name, example in examples(FROM_SERVER):
            yield name, example, [path for path in paths(example) if name != THEIRS or len(path) < 3]

    def test_nothing_may_be_missing(self) -> None:
        """But for what is marked as optional, everything has to be there."""
        for name, example, places in self.each():
            found = {
                dotted(path)
                for path in places
                if isinstance(path[-1], str) and fault(FROM_SERVER, without(example, path)) is None
            }
            self.assertEqual(found, set(OPTIONAL.get(name, ())), name)

    def test_nothing_may_be_added(self) -> None:
        """Nothing else may be there, at any level."""
        for name, example, places in self.each():
            holders = [path for path in ((), *places) if isinstance(at(example, path), dict)]
            if name == THEIRS:
                holders.remove(("jsongle", "description"))
            found = {
                dotted(path) for path in holders if fault(FROM_SERVER, replaced(example, (*path, "odd"), 1)) is None
            }
            self.assertEqual(found, set(OPEN.get(name, ())), name)

    def test_nothing_may_be_something_else(self) -> None:
        """But for what is only repeated, no value may be of another kind."""
        for name, example, places in self.each():
            found = {
                dotted(path) for path in places if fault(FROM_SERVER, replaced(example, path, NOTHING_LIKE_IT)) is None
            }
            self.assertEqual(found, set(FREE.get(name.partition(".")[2], ())), name)

    def test_ids_and_times(self) -> None:
        """Ids are UUIDs of version 4, times have milliseconds and are UTC."""
        example = dict(examples(FROM_SERVER))["fromServer.trying"]
        for wrong in ("", "m-1", "8e784de9-2f63-1b7a-8c1d-5b0e9f3a7d21", f"{example['id']}\n"):
            self.assertIsNotNone(fault(FROM_SERVER, replaced(example, ("id",), wrong)), wrong)
        place = ("jsongle", "description", "tried")
        for wrong in ("", "2026-11-22T14:09:08Z", "2026-11-22T14:09:08.451+00:00", "2026-11-22 14:09:08.451Z"):
            self.assertIsNotNone(fault(FROM_SERVER, replaced(example, place, wrong)), wrong)

    def test_numbers(self) -> None:
        """Any message may have a number from 1 on, but for the question that opens a session."""
        for name, example in examples(FROM_SERVER):
            self.assertEqual(fault(FROM_SERVER, {**example, "seq": 1}) is None, name != "fromServer.hello", name)
            for wrong in (0, -1, 1.5, "1", None):
                self.assertIsNotNone(fault(FROM_SERVER, {**example, "seq": wrong}), (name, wrong))

    def test_what_an_ack_says_of_resume(self) -> None:
        """Who goes on is told how much was received, and who begins anew is not; both get a token."""
        example = dict(examples(FROM_SERVER))["fromServer.helloSuccess"]
        identity, resume = (example["jsongle"]["description"][key] for key in ("id", "resume"))
        for more, is_right in (
            ({}, True),
            ({"resume": resume}, True),
            ({"resume": resume, "resumed": True, "received": 0}, True),
            ({"resume": resume, "resumed": False}, True),
            ({"resume": resume, "resumed": True}, False),
            ({"resume": resume, "resumed": False, "received": 0}, False),
            ({"resume": resume, "received": 0}, False),
            ({"resumed": False}, False),
            ({"resume": {**resume, "window": 0}}, False),
        ):
            message = replaced(example, ("jsongle", "description"), {"id": identity, **more})
            self.assertEqual(fault(FROM_SERVER, message) is None, is_right, more)

    def test_when_to_try_again(self) -> None:
        """Only who was too fast is told when to try again."""
        for name in ("fromServer.error", "fromServer.iqError"):
            example = dict(examples(FROM_SERVER))[name]
            example["jsongle"]["description"]["retryAfter"] = 20
            self.assertIsNotNone(fault(FROM_SERVER, example))
            example["jsongle"]["description"]["errorCode"] = 429001
            self.assertIsNone(fault(FROM_SERVER, example))

    def test_secrets_of_members(self) -> None:
        """What clients are not to be shown of each other may not be shown."""
        example = dict(examples(FROM_SERVER))["fromServer.memberJoined"]
        for secret in ("token", "appToken", "resume"):
            message = replaced(example, ("jsongle", "description", "member", secret), "x")
            self.assertIsNotNone(fault(FROM_SERVER, message), secret)

    def test_credentials(self) -> None:
        """An ICE server has a user name and a credential, or neither."""
        example = dict(examples(FROM_SERVER))["fromServer.newIceServers"]
        for half in ("username", "credential"):
            self.assertIsNotNone(
                fault(FROM_SERVER, without(example, ("jsongle", "description", "iceServers", 0, half))), half
            )


class RelayedTests(SynchronousTestCase):
    """What clients say to each other arrives with what the server guarantees, and with anything else."""

    GUARANTEED: Final = (("id",), ("from",), ("to",), ("jsongle",), ("jsongle", "action"))
    STAMPS: Final = (("jsongle", "description"), *(("jsongle", "description", stamp) for stamp in ("sent", "relayed")))

    def test_guarantees(self) -> None:
        """Ids, addresses and stamps are always there; a propose is the one message without a stamp."""
        for name, example in examples(FROM_PEER):
            stamps = () if name == "fromPeer.session-propose" else self.STAMPS
            for path in (*self.GUARANTEED, *stamps):
                self.assertIsNotNone(fault(FROM_PEER, without(example, path)), (name, path))
                if path[-1] != "sent":
                    self.assertIsNotNone(fault(FROM_PEER, replaced(example, path, NOTHING_LIKE_IT)), (name, path))

    def test_unknown_fields(self) -> None:
        """At every level there may be more, whatever it is; so there may be to what is sent."""
        for family in (FROM_PEER, TO_PEER, TO_SERVER):
            for name, example in examples(family):
                for path in ((), ("jsongle",), ("jsongle", "description")):
                    if path[-1:] != ("description",) or "description" in example["jsongle"]:
                        more = replaced(example, (*path, "odd"), NOTHING_LIKE_IT)
                        self.assertIsNone(fault(family, more), (name, path))

    def test_what_is_the_servers_to_say(self) -> None:
        """No client says who came or went, or hello to another, or anything in the namespace of sessions."""
        for family in (FROM_PEER, TO_PEER):
            found = dict(examples(family))
            event = found[f"{family}.session-event"]
            for name, wrong in (("event", "joined"), ("event", "left"), ("namespace", "session")):
                self.assertIsNotNone(fault(family, replaced(event, ("jsongle", name), wrong)))
            for action in ("iq-get", "iq-set", "iq-result", "iq-error"):
                hello = replaced(found[f"{family}.{action}"], ("jsongle", "query"), "session-hello")
                self.assertIsNotNone(fault(family, hello), action)

    def test_no_message(self) -> None:
        """What is no message at all is none of any family."""
        for family in (TO_SERVER, TO_PEER, FROM_SERVER, FROM_PEER):
            for wrong in NO_MESSAGES:
                self.assertIsNotNone(fault(family, wrong), wrong)
