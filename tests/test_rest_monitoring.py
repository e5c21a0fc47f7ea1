"""Tests of :mod:`jsongle_server.rest_monitoring`: what everybody may see."""

from __future__ import annotations

import re
from dataclasses import replace

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from jsongle_server import __version__
from jsongle_server.lifecycle import Phase
from tests.rest_support import BEARER, RestCase


class AboutTests(RestCase):
    """What a server says of itself."""

    def test_about_says_who_the_server_is(self) -> None:
        """Name, version, description, start, id and the ports that are really open."""
        about = self.server.get("/about").json
        self.assertEqual(set(about), {"name", "version", "description", "started", "id", "ports"})
        self.assertEqual(
            (about["name"], about["version"], about["started"], about["id"], about["ports"]),
            ("JSONgle-Server", __version__, "2026-11-22T14:09:08.451Z", "barracuda", {"ws": 4711, "rest": 4712}),
        )

    def test_ping_and_health_and_livez_say_ok(self) -> None:
        """Whoever asks whether the process answers gets one simple word."""
        for path in ("/ping", "/health", "/livez"):
            self.assertEqual(self.server.get(path).json, {"status": "OK"})

    def test_readyz_says_ok_while_clients_are_welcome(self) -> None:
        """A load balancer sends clients to a server that is ready."""
        answer = self.server.get("/readyz")
        self.assertEqual((answer.status, answer.json), (200, {"status": "OK"}))

    def test_readyz_is_unavailable_while_starting_and_draining(self) -> None:
        """A load balancer sends nobody to a server that lets nobody in, and hears when to ask again."""
        for phase in (Phase.STARTING, Phase.DRAINING):
            self.server.lifecycle.phase = phase
            answer = self.server.get("/readyz")
            self.assertEqual((answer.status, answer.json["status"]), (503, phase.value))
            self.assertEqual((answer.json["errorCode"], answer.headers["Retry-After"]), (503001, "5"))

    def test_livez_stays_ok_while_draining(self) -> None:
        """An orchestrator must not kill a server that is only seeing its last clients off."""
        self.server.lifecycle.phase = Phase.DRAINING
        self.assertEqual(self.server.get("/livez").status, 200)

    def test_stats_and_telemetry_have_the_documented_keys(self) -> None:
        """Dashboards rely on the names."""
        self.assertEqual(
            set(self.server.get("/stats").json),
            {
                "users_count",
                "users_total",
                "duration_total",
                "recv_total",
                "sent_total",
                "conferences_count",
                "conferences_total",
                "p2p_count",
                "p2p_total",
                "p2p_duration_total",
                "p2p_failed_total",
                "calls_completed_total",
                "calls_canceled_total",
                "calls_declined_total",
                "calls_timeout_total",
                "calls_lost_total",
                "calls_duration_total",
                "messages_total",
                "reactions_total",
            },
        )
        self.assertEqual(
            set(self.server.get("/telemetry").json),
            {"memoryFree", "diskFree", "cpuFree", "uptime", "system", "executionTime"},
        )


class SelfTestTests(RestCase):
    """The server's talk with itself."""

    def test_score(self) -> None:
        """Where all is well the answer is the full score and the time, and to the next caller the same."""
        result = self.server.ask("GET", "/tests").json
        self.assertEqual((set(result), result["score"]), ({"score", "executionTime"}, 100))
        self.assertEqual(self.server.ask("GET", "/tests").json, result)

    def test_settings_in_force(self) -> None:
        """It goes by the settings of the last reload, and names what fails of them."""
        self.server.get("/tests")
        self.server.api.reconfigure(replace(self.server.config, max_members_per_room=1))
        result = self.server.get("/tests").json
        self.assertEqual((result["score"], result["failed"]), (85, ["join", "leave"]))

    def test_live_state_is_left_alone(self) -> None:
        """Nothing of it is among what is counted and listed."""
        self.server.get("/tests")
        self.assertEqual(self.server.get("/sessions").json["count"], 0)
        self.assertEqual(self.server.get("/rooms").json["count"], 0)
        self.assertEqual(self.server.metrics.sessions, 0)


class MetricsTests(RestCase):
    """What Prometheus gets."""

    def test_metrics_are_in_the_prometheus_format(self) -> None:
        """Prometheus's own parser reads them; every family is there once, with a help text."""
        self.server.user("jon").join("room")
        self.server.get("/about")
        answer = self.server.get("/metrics")
        families = list(parse_prometheus(answer.body.decode()))
        names = [family.name for family in families]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([family.name for family in families if not family.documentation], [])
        self.assertTrue(str(answer.headers["Content-Type"]).startswith("text/plain; version="))

    def test_counters_end_in_total(self) -> None:
        """The naming rule of Prometheus that its linter checks first."""
        typed = re.findall(r"^# TYPE (jsongle_\w+) counter$", self.server.get("/metrics").body.decode(), re.MULTILINE)
        self.assertGreater(len(typed), 5)
        self.assertEqual([name for name in typed if not name.endswith("_total")], [])

    def test_openmetrics_is_given_to_whoever_prefers_it(self) -> None:
        """A current Prometheus asks for OpenMetrics; its stricter parser reads the answer to the end."""
        answer = self.server.get("/metrics", Accept="application/openmetrics-text; version=1.0.0,text/plain;q=0.5")
        self.assertTrue(str(answer.headers["Content-Type"]).startswith("application/openmetrics-text"))
        self.assertTrue(list(parse_openmetrics(answer.body.decode())))

    def test_a_version_that_is_none_gets_the_plain_format(self) -> None:
        """A broken Accept header is no reason to fail."""
        answer = self.server.get("/metrics", Accept="application/openmetrics-text; version=new")
        self.assertEqual((answer.status, str(answer.headers["Content-Type"])[:10]), (200, "text/plain"))

    def test_requests_are_counted_by_route_and_status(self) -> None:
        """The label is the template of the route, so that callers cannot make labels."""
        for method, path in (
            ("GET", "/about"),
            ("HEAD", "/about?x=1"),
            ("POST", "/about"),
            ("DELETE", "/sessions/one"),
            ("DELETE", "/sessions/two"),
            ("GET", "/nothing/here"),
        ):
            self.server.ask(method, path, headers=BEARER)
        self.assertEqual(
            dict(self.server.metrics.requests),
            {("/about", 200): 2, ("/about", 405): 1, ("/sessions/{id}", 404): 2, ("other", 404): 1},
        )
