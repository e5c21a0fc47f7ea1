"""Every message of every test against the AsyncAPI document.

:func:`watch_every_test`, which the tests' ``__init__`` calls, has each client of the fakes bring a witness along. What
a client gets must be as the document has it. What it sends must be so as well, unless the server refuses it: many
tests send what is wrong, but what the server takes has to be in the document. A test with a message that is not fails
at its end in any case, also where the server's own guards have caught what the witness raised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing import Client, Witness
from jsongle_server.vocabulary import CALL_ACTIONS, IQ_ACTIONS, IQ_REQUESTS, Action, Event, Query, Status
from tests.asyncapi import FROM_PEER, FROM_SERVER, TO_PEER, TO_SERVER, Json, action_of, fault

UNKNOWN: Final = -1
"""Stands for the number of the last message, which a client that comes back had over an earlier connection."""

UNREFUSED: Final = CALL_ACTIONS | {Action.IQ_RESULT, Action.IQ_ERROR}
"""The actions that the server need not refuse where they lead to nobody."""


class Audit:
    """What was wrong with the messages of a test.

    :ivar faults: with what clients got.
    :ivar suspects: messages that clients sent, that the document does not have, and that were not refused so far.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.suspects: list[tuple[Conversation, Any, str]] = []

    def refused(self, conversation: Conversation, is_it: Callable[[Any], bool]) -> None:
        """Takes note that the server has refused a message of a conversation."""
        for suspect in self.suspects:
            if suspect[0] is conversation and is_it(suspect[1]):
                self.suspects.remove(suspect)
                return

    def check(self) -> None:
        """Begins anew.

        :raises AssertionError: something was wrong.
        """
        found = [*self.faults, *(f"not refused: {suspicion}" for _, _, suspicion in self.suspects)]
        self.faults.clear()
        self.suspects.clear()
        if found:
            raise AssertionError("\n".join(found))


class Conversation(Witness):
    """What passes between a client and the server, over one connection after another.

    :cvar audit: takes note of what is wrong.
    """

    audit: ClassVar[Audit] = Audit()

    def __init__(self) -> None:
        self._server_id = ""
        self._identity = ""
        self._is_identified = False
        self._last: int | None = None

    def said(self, message: object) -> None:
        """Remembers a message that the document does not have, until the server refuses it."""
        family = self._family(message)
        found = fault(family, _as_read(message) if family == TO_PEER else message)
        if found is not None:
            self.audit.suspects.append((self, message, found))

    def heard(self, message: Json) -> None:
        """Checks a message.

        :raises AssertionError: it is not as the document has it.
        """
        jsongle = message["jsongle"]
        if not self._server_id or (jsongle.get("action"), jsongle.get("query")) == (Action.IQ_GET, Query.HELLO):
            self._server_id, self._identity, self._is_identified = message["from"], message["to"], False
            self._last = None
        is_own = message["from"] == self._server_id
        self._insist(fault(FROM_SERVER if is_own else FROM_PEER, message))
        self._check_number(message)
        if is_own:
            self._note(message["jsongle"])
        if message["to"] != self._identity:
            self._insist(f"{message} is not for {self._identity}")

    def _insist(self, found: str | None) -> None:
        if found is not None:
            self.audit.faults.append(found)
            raise AssertionError(found)

    def _check_number(self, message: Json) -> None:
        """Checks that a message has the next number for a client that has opted in, and none for another."""
        number = message.get("seq")
        last, self._last = self._last, number
        if (number is None) != (last is None) or (last not in (None, UNKNOWN) and number != last + 1):
            self._insist(f"{message} is not numbered after {last}")

    def _note(self, jsongle: Json) -> None:
        """Draws the conclusions from what the server says."""
        action, description = jsongle["action"], jsongle.get("description", {})
        if action == Action.ACK and jsongle["status"] == Status.SUCCESS and not self._is_identified:
            self._is_identified = True
            self._identity = description["id"]
            if "resume" in description:
                self._last = UNKNOWN if description.get("resumed") else 0
        elif action == Action.SESSION_ERROR:
            self.audit.refused(self, lambda said: _id_of(said) == description.get("mid"))
        elif action == Action.IQ_ERROR:
            self.audit.refused(self, lambda said: _may_have_asked(said, jsongle["transaction"]))

    def _family(self, message: Any) -> str:
        """Whether a message is for the server, or for others as far as the server goes."""
        action = action_of(message)
        if action == Action.SESSION_METRICS:
            return TO_SERVER
        is_to_server = action in IQ_ACTIONS and message.get("to") in (None, self._server_id)
        if action == Action.IQ_RESULT and message["jsongle"].get("query") == Query.HELLO:
            return TO_SERVER if is_to_server or not self._is_identified else TO_PEER
        return TO_SERVER if action in IQ_REQUESTS and is_to_server else TO_PEER


def _as_read(said: Any) -> Any:
    """A message for others, as far as the server looks at it wherever it leads."""
    action = action_of(said)
    is_receipt = action == Action.SESSION_EVENT and said["jsongle"].get("event") == Event.ACK
    if action not in UNREFUSED and not is_receipt:
        return said
    # The description of one that reaches nobody does not matter; what arrives is checked there.
    return {**said, "jsongle": {**said["jsongle"], "description": {}}}


def _id_of(said: Any) -> str | None:
    mid = said.get("id") if isinstance(said, dict) else None
    return mid if isinstance(mid, str) and mid else None


def _may_have_asked(said: Any, transaction: Any) -> bool:
    """Whether an answer with this transaction may be to that message, which may have had none to echo."""
    if action_of(said) not in IQ_REQUESTS:
        return False
    asked = said["jsongle"].get("transaction")
    return (_id_of(said) if asked is None else asked) in (None, transaction)


def watch_every_test() -> None:
    """Has every test of this process fail in which a message is not as the document has it."""
    Client.witness_class = Conversation
    run = SynchronousTestCase.run

    def watched(case: SynchronousTestCase, result: Any) -> None:
        # Trial has no hook for all tests. What is added first is cleaned up last.
        case.addCleanup(Conversation.audit.check)
        run(case, result)

    SynchronousTestCase.run = watched  # type: ignore[method-assign]
