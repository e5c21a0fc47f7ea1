"""``docs/rest.md`` against the code: its list of metrics, and its examples."""

from __future__ import annotations

import json
from typing import Any

from prometheus_client.core import Metric
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.session import SessionState
from jsongle_server.testing import MemoryServer
from tests.rest_support import BEARER, TOKEN, RestServer
from tests.test_docs import blocks, read, rows


class RestTests(SynchronousTestCase):
    """``docs/rest.md`` lists what can be monitored."""

    def test_metrics(self) -> None:
        """The table of metrics has every family of ours, with its type, labels and meaning, and no others."""
        self.assertEqual(rows(read("rest.md"), "| metric |"), [_metric_row(family) for family in busy_metrics()])

    def test_sessions_and_rooms(self) -> None:
        """What is said of an ended session, and listed of live ones, has the keys that the answers have."""
        server = RestServer(admin_token=TOKEN)
        client = server.user("alice")
        client.join("tea")
        ended = server.ask("DELETE", f"/sessions/{client.identity}", headers=BEARER).json
        server.user("bob", dn="Bob").join("tea")
        actual = [server.get("/sessions").json, server.get("/rooms").json, ended]
        shown = [json.loads(example) for example in blocks(read("rest.md"), "json")]
        self.assertEqual([_keys(value) for value in shown], [_keys(value) for value in actual])

    def test_states(self) -> None:
        """The table of states has those of live sessions, in the order in which a session comes to them."""
        states = [f"`{state.value}`" for state in SessionState if state is not SessionState.ENDED]
        self.assertEqual([row[0] for row in rows(read("rest.md"), "| `state` |")], states)


def busy_metrics() -> list[Metric]:
    """Every family of a server on which all that is counted by a label has happened once."""
    metrics = MemoryServer().metrics
    metrics.refusals["full"] += 1
    metrics.requests["/about", 200] += 1
    return list(metrics.collect())


def _metric_row(family: Metric) -> tuple[str, ...]:
    suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
    labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
    return f"`{family.name}{suffix}`", family.type, " ".join(f"`{x}`" for x in labels), family.documentation


def _keys(value: Any) -> Any:
    """The shape of a JSON value: its keys, and those of what is in it."""
    if isinstance(value, dict):
        return {key: _keys(item) for key, item in value.items()}
    return [_keys(item) for item in value] if isinstance(value, list) else type(value)
