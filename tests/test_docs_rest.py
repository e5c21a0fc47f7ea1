"""``docs/rest.md`` against the code: its lists, and its examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.rest import ROUTES
from jsongle_server.rest_pages import PAGE
from jsongle_server.session import SessionState
from tests.rest_support import BEARER, TOKEN, RestServer
from tests.test_docs import blocks, read, rows


class RestTests(SynchronousTestCase):
    """``docs/rest.md`` lists what can be asked, and what is answered."""

    def test_answers(self) -> None:
        """Each answer that is shown has the keys that it really has, and values of these types."""
        shown = [json.loads(example) for example in blocks(read("rest.md"), "json")]
        self.assertEqual([_keys(value) for value in shown], [_keys(value) for value in self.answers()])

    def answers(self) -> Iterator[Any]:
        """What a server answers, in the order in which the manual tells of it."""
        server = RestServer(admin_token=TOKEN)

        def do(method: str, target: str, body: object = None) -> Any:
            return server.ask(method, target, headers=BEARER, body=json.dumps(body).encode()).json

        alice = server.user("alice", dn="Alice")
        alice.join("tea")
        yield from (do("GET", "/sessions"), do("GET", "/rooms"))
        yield do("DELETE", f"/sessions/{alice.identity}")
        bob, carol = server.user("bob", dn="Bob"), server.user("carol", dn="Carol")
        for client in (bob, carol):
            client.join("tea")
        bob.say("tea", "session-propose", sid="s")
        carol.say("tea", "session-proceed", sid="s")
        calls = do("GET", "/calls")
        yield do("DELETE", "/rooms/tea")
        yield calls
        yield do("POST", "/messages", {"to": "all", "description": {}})
        block = do("POST", "/blocks", {"uid": "bob", "seconds": 60, "reason": "spam"})
        yield from (block, do("GET", "/blocks"), do("DELETE", f"/blocks/{block['id']}"))

    def test_filters(self) -> None:
        """The table of lists has each of them with all that it can be filtered by."""
        paging = {parameter.name for parameter in PAGE}
        parameters = {f"`{route.method} {route.template}`": {p.name for p in route.query} for route in ROUTES}
        lists = {name: names - paging for name, names in parameters.items() if names >= paging}
        filters = {
            name: set(re.findall(r"`([a-z]+)`(?:[:;]| \(|$)", text)) for name, text in rows(read("rest.md"), "| list |")
        }
        self.assertEqual(filters, lists)

    def test_states(self) -> None:
        """The table of states has those of live sessions, in the order in which a session comes to them."""
        states = [f"`{state.value}`" for state in SessionState if state is not SessionState.ENDED]
        self.assertEqual([row[0] for row in rows(read("rest.md"), "| `state` |")], states)


def _keys(value: Any) -> Any:
    """The shape of a JSON value: its keys, and those of what is in it."""
    if isinstance(value, dict):
        return {key: _keys(item) for key, item in value.items()}
    return [_keys(item) for item in value] if isinstance(value, list) else type(value)
