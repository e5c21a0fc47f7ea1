"""``docs/webhooks.md`` against the code: its examples are real ones, and what it recommends works."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any, cast

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from jsongle_server.call_steps import Outcome
from jsongle_server.config import Config
from jsongle_server.occurrences import MAX_MEDIA, Kind
from jsongle_server.testing import MemoryServer
from jsongle_server.webhook_client import MAX_ANSWER, MAX_CONNECTIONS, TRY_TIME
from jsongle_server.webhook_queue import MAX_QUEUED, MAX_QUEUED_BYTES, MAX_QUEUED_PER_SESSION
from jsongle_server.webhook_retries import LONGEST_RETRY_AFTER, MAX_TRIES
from jsongle_server.webhooks import STOP_TIME, Webhooks
from tests.test_docs import blocks, read, rows
from tests.webhook_support import URL, Receiver, Request

SECRETS = ("a-secret-of-enough-characters", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def converse(secret: str, *, at: float | None = None) -> list[Request]:
    """What comes of the conversation that the examples are from: Alice joins, calls Bob, leaves, and calls Carol."""
    server, receiver = MemoryServer(), Receiver()
    if at is not None:
        server.clock.rightNow = at
    config = Config(webhook_url=URL, webhook_secret=secret)
    Webhooks(config, server.metrics, listen=server.signaling.publish_to, reactor=server.clock, agent=receiver)
    requests: list[Request] = []

    def deliver() -> None:
        server.clock.advance(0)
        while taken := receiver.take():
            for request in taken:
                request.answer()
            requests.extend(taken)
            server.clock.advance(0)

    alice, bob = server.user("alice", dn="Alice"), server.user("bob")
    alice.join("kitchen")
    alice.ask("leave", rid="kitchen")
    alice.say("bob", "session-propose", sid="s-1", description={"media": ["audio", "video"]})
    bob.say(alice.identity, "session-proceed", sid="s-1")
    alice.say(bob.identity, "session-info", sid="s-1", reason="active")
    deliver()
    server.clock.advance(90)
    alice.say(bob.identity, "session-terminate", sid="s-1")
    alice.say("carol", "session-propose", sid="s-2", description={"media": ["audio"]})
    deliver()
    return requests


def without_ids(value: Any) -> Any:
    """A JSON value with all ids taken out of it, which are never the same."""
    if isinstance(value, dict):
        return {key: "…" if key == "id" else without_ids(item) for key, item in value.items()}
    return value


class ExampleTests(SynchronousTestCase):
    """What is told."""

    def test_bodies(self) -> None:
        """The examples are what the server tells of such a conversation, all but the ids."""
        shown = [json.loads(block) for block in blocks(read("webhooks.md"), "json")]
        told = [request.told for request in converse(SECRETS[0])]
        self.assertEqual([without_ids(body) for body in shown], [without_ids(body) for body in told])

    def test_kinds(self) -> None:
        """The table of kinds has all of them, and there is an example of each."""
        listed = [row[0].strip("`") for row in rows(read("webhooks.md"), "| kind |")]
        self.assertEqual(listed, [kind.value for kind in Kind])
        self.assertEqual([request.told["type"] for request in converse(SECRETS[0])], listed)

    def test_reasons(self) -> None:
        """The table of reasons has all with which a call is missed."""
        listed = [row[0].strip("`") for row in rows(read("webhooks.md"), "| `reason` |")]
        missed = set(Outcome) - {Outcome.COMPLETED, Outcome.DECLINED}
        self.assertEqual((listed[0], set(listed[1:])), ("unreachable", {outcome.value for outcome in missed}))

    def test_bounds(self) -> None:
        """Every number in the text is the one in the code."""
        text = " ".join(read("webhooks.md").split())
        for phrase in (
            f"At most {MAX_QUEUED:,} wait, {MAX_QUEUED_BYTES // 2**20} MiB of them",
            f"and {MAX_QUEUED_PER_SESSION} of one session",
            f"for {STOP_TIME:g} seconds at most",
            f"within {TRY_TIME:g} seconds",
            f"After {MAX_TRIES} tries",
            f"up to {LONGEST_RETRY_AFTER / 60:g} minutes",
            f"At most {MAX_ANSWER // 1024} KiB",
            f"Up to {MAX_CONNECTIONS} sessions",
            f"at most {MAX_MEDIA} bytes",
        ):
            self.assertIn(phrase, text)


class VerifyTests(SynchronousTestCase):
    """The two ways to check a signature."""

    def assertVerifies(self, is_genuine: Callable[[str, dict[str, str], bytes], bool]) -> None:
        """What comes is genuine; with a byte more, another secret or an old time it is not."""
        for secret, other in zip(SECRETS, reversed(SECRETS), strict=True):
            request = converse(secret, at=time.time())[0]
            self.assertTrue(is_genuine(secret, request.headers, request.body))
            self.assertFalse(is_genuine(secret, request.headers, request.body + b" "))
            self.assertFalse(is_genuine(other, request.headers, request.body))
            old = converse(secret, at=time.time() - 400)[0]
            self.assertFalse(is_genuine(secret, old.headers, old.body))
            redated = {**old.headers, "webhook-timestamp": request.headers["webhook-timestamp"]}
            self.assertFalse(is_genuine(secret, redated, old.body))

    def test_python(self) -> None:
        """The function in Python does."""
        (example,) = blocks(read("webhooks.md"), "python")
        found: dict[str, Any] = {}
        exec(example, found)
        self.assertVerifies(cast(Callable[[str, dict[str, str], bytes], bool], found["is_genuine"]))

    def test_node(self) -> None:
        """The function for Node does, where there is Node."""
        node = shutil.which("node")
        if node is None:
            raise SkipTest("there is no Node")
        (example,) = blocks(read("webhooks.md"), "js")
        script = (
            f"{example}\n"
            "const [secret, headers, body] = JSON.parse(require('node:fs').readFileSync(0));\n"
            "console.log(isGenuine(secret, headers, Buffer.from(body)));"
        )

        def is_genuine(secret: str, headers: dict[str, str], body: bytes) -> bool:
            told = json.dumps([secret, headers, body.decode()]).encode()
            done = subprocess.run([node, "-e", script], input=told, capture_output=True, timeout=60, check=True)
            return {b"true": True, b"false": False}[done.stdout.strip()]

        self.assertVerifies(is_genuine)
