"""Tests of :mod:`jsongle_server.metrics`: what Prometheus reads."""

from __future__ import annotations

import re
from collections import Counter

from prometheus_client import exposition, parser
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.openmetrics import parser as openmetrics_parser
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.call_steps import Outcome
from jsongle_server.metrics import CALL_BUCKETS, RELAY_BUCKETS, Histogram, Metrics
from jsongle_server.testing import MemoryServer
from jsongle_server.vocabulary import RoomKind

Series = dict[str, float]
"""Values by name and labels, written as in the text format: ``name{label="value"}``."""

OTHER_UNITS = re.compile(r"_(ms|milliseconds|micros|us|ns|minutes|hours|percent|kb|mb|kilobytes|megabytes)(_|$)")


def scrape(metrics: Metrics) -> Series:
    """Every series of ours as a scraper reads it."""
    text = exposition.generate_latest(metrics.registry).decode()
    series: Series = {}
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            name = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert name not in series, f"{name} is there twice"
            series[name] = sample.value
    return {name: value for name, value in series.items() if name.startswith("jsongle_")}


def busy_server() -> MemoryServer:
    """A server on which something of every kind has happened."""
    server = MemoryServer(rate_limit=0)
    ann, bob = server.user("ann"), server.user("bob")
    for client in (ann, bob):
        client.join("r")
        client.join("m", muc=True)
    ann.say("r", "session-text")
    ann.say("nowhere", "session-text")
    ann.say("jsongle-server", "session-metrics", description={"duration": 42, "error": "ice-failed"})
    server.metrics.requests["/about", 200] += 1
    server.metrics.refusals["full"] += 1
    return server


class FormatTests(SynchronousTestCase):
    """What the exposition looks like, whatever is in it."""

    def test_text_format_parses(self) -> None:
        """Prometheus's own parser reads the text format, and finds every series once."""
        series = scrape(busy_server().metrics)
        self.assertEqual(series['jsongle_http_requests_total{route="/about",status="200"}'], 1)

    def test_openmetrics_format_parses(self) -> None:
        """The strict OpenMetrics parser reads the other format, and finds the same values."""
        metrics = busy_server().metrics
        text = openmetrics_exposition.generate_latest(metrics.registry).decode()
        found = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in openmetrics_parser.text_string_to_metric_families(text)
            for sample in family.samples
            if family.name.startswith("jsongle_")
        }
        self.assertEqual(Counter(found.values()), Counter(scrape(metrics).values()))

    def test_families_are_named_once(self) -> None:
        """No two families share a name; each has a type and a sentence that says what it is."""
        lines = exposition.generate_latest(busy_server().metrics.registry).decode().splitlines()
        types = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
        helps = [line.split(maxsplit=3)[2] for line in lines if re.match(r"# HELP \S+ \S", line)]
        self.assertEqual(len(types), len(set(types)))
        self.assertEqual(types, helps)

    def test_names_follow_the_rules_of_prometheus(self) -> None:
        """Names are lower case under one prefix, counters and nothing else end in ``_total``, units are base units."""
        for family in busy_server().metrics.collect():
            self.assertRegex(family.name, r"^jsongle_[a-z]+(_[a-z]+)*$")
            self.assertNotRegex(family.name, OTHER_UNITS)
            for sample in family.samples:
                self.assertEqual(sample.name.endswith("_total"), family.type == "counter", sample.name)

    def test_histograms_are_in_seconds(self) -> None:
        """What is timed says its unit in its name."""
        timed = [family.name for family in Metrics("1").collect() if family.type == "histogram"]
        self.assertEqual(timed, ["jsongle_relay_seconds", "jsongle_call_seconds", "jsongle_reported_call_seconds"])

    def test_process_and_python_are_there_too(self) -> None:
        """Memory, processor time and garbage collection come along with what is ours."""
        text = exposition.generate_latest(Metrics("1").registry).decode()
        for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "python_info", "python_gc_"):
            self.assertIn(f"\n{name}", text)

    def test_two_servers_in_one_process_count_apart(self) -> None:
        """Nothing is shared between instances."""
        busy_server()
        self.assertEqual(scrape(MemoryServer().metrics)["jsongle_connections_opened_total"], 0)


class LabelTests(SynchronousTestCase):
    """Labels that clients cannot make."""

    def test_invented_names_make_no_series(self) -> None:
        """A thousand actions, queries, namespaces and events that do not exist are counted under a few labels."""
        server = busy_server()
        client = server.user("eve")
        client.join("eve's")
        before = scrape(server.metrics)
        for number in range(1000):
            name = f"invented-{number}"
            client.say("jsongle-server", name)
            client.say("jsongle-server", "iq-set", query=name)
            client.say("eve's", "session-event", namespace=name, event=name)
            client.send({"jsongle": {"action": number}})
        after = scrape(server.metrics)
        self.assertEqual(set(after), set(before))
        other = 'jsongle_messages_received_total{action="other"}'
        self.assertEqual(after[other] - before[other], 2000)

    def test_names_of_clients_are_no_labels(self) -> None:
        """Users, rooms and identities do not show up in metrics, which many may read."""
        server = MemoryServer()
        server.user("ann-7f3a").join("room-7f3a")
        self.assertNotIn(
            "7f3a", exposition.generate_latest(server.metrics.registry).decode().partition("# HELP python")[0]
        )

    def test_series_are_there_before_anything_happens(self) -> None:
        """Rates can be taken from the first event on: series of known labels begin at zero."""
        series = scrape(MemoryServer().metrics)
        for name in (
            'jsongle_messages_received_total{action="session-propose"}',
            'jsongle_messages_sent_total{action="ack"}',
            'jsongle_errors_total{code="403002"}',
            'jsongle_rooms_created_total{kind="muc"}',
            *(f'jsongle_calls_ended_total{{outcome="{outcome}"}}' for outcome in Outcome),
        ):
            self.assertEqual(series[name], 0)


class GaugeTests(SynchronousTestCase):
    """What is there right now."""

    def assert_gauges(self, server: MemoryServer, *expected: float) -> None:
        """Connections, sessions awaiting hello and identified, rooms and mucs are these."""
        series = scrape(server.metrics)
        names = (
            "jsongle_connections",
            'jsongle_sessions{state="awaiting_hello"}',
            'jsongle_sessions{state="identified"}',
            'jsongle_rooms{kind="room"}',
            'jsongle_rooms{kind="muc"}',
        )
        self.assertEqual(tuple(series[name] for name in names), expected)

    def test_gauges_follow_what_is_there(self) -> None:
        """Connections, sessions and rooms are those that live at the moment of the scrape."""
        server = MemoryServer()
        self.assert_gauges(server, 0, 0, 0, 0, 0)
        ann = server.connect()
        self.assert_gauges(server, 1, 1, 0, 0, 0)
        ann.hello("ann")
        self.assert_gauges(server, 1, 0, 1, 0, 0)
        ann.join("r")
        ann.join("m", muc=True)
        server.user("bob").join("r")
        self.assert_gauges(server, 2, 0, 2, 1, 1)
        server.drop(ann)
        self.assert_gauges(server, 1, 0, 1, 1, 0)

    def test_no_gauges_without_a_server(self) -> None:
        """Before there is something to watch, gauges are absent, not zero."""
        self.assertNotIn("jsongle_connections", scrape(Metrics("1")))

    def test_build_info_names_the_version(self) -> None:
        """Which version runs can be seen, and joined to every other metric."""
        (name,) = (name for name in scrape(Metrics("1.2.3")) if name.startswith("jsongle_build_info"))
        self.assertIn('version="1.2.3"', name)


class CounterTests(SynchronousTestCase):
    """What has happened so far."""

    def setUp(self) -> None:
        """Ann and Bob are in a room."""
        self.server = MemoryServer()
        self.ann, self.bob = self.server.user("ann"), self.server.user("bob")
        self.ann.join("r")
        self.bob.join("r")
        self.before = scrape(self.server.metrics)

    def grown(self) -> Series:
        """By how much each series has grown, without those that have not."""
        after = scrape(self.server.metrics)
        return {name: after[name] - value for name, value in self.before.items() if after[name] != value}

    def test_relayed_message_is_counted_in_out_and_by_size(self) -> None:
        """One text makes one message in, two out (itself and its receipt), bytes both ways and one relay time."""
        payload = b'{"id":"x","to":"r","jsongle":{"action":"session-text"}}'
        self.ann.send_bytes(payload)
        grown = self.grown()
        self.assertEqual(grown['jsongle_messages_received_total{action="session-text"}'], 1)
        self.assertEqual(grown['jsongle_messages_sent_total{action="session-text"}'], 1)
        self.assertEqual(grown['jsongle_messages_sent_total{action="session-event"}'], 1)
        self.assertEqual(grown["jsongle_received_bytes_total"], len(payload))
        self.assertGreater(grown["jsongle_sent_bytes_total"], 2 * len(payload))
        self.assertEqual(grown["jsongle_relay_seconds_count"], 1)

    def test_fan_out_counts_every_copy(self) -> None:
        """Out of one message to a room come as many as there are others in it."""
        self.server.user("cy").join("r")
        self.before = scrape(self.server.metrics)
        self.ann.say("r", "session-event", event="reaction")
        grown = self.grown()
        self.assertEqual(grown['jsongle_messages_received_total{action="session-event"}'], 1)
        self.assertEqual(grown['jsongle_messages_sent_total{action="session-event"}'], 2)

    def test_errors_are_counted_by_code(self) -> None:
        """Every error that a client is told counts, as session-error and as iq-error."""
        self.ann.send_bytes(b"{")
        self.ann.say("nowhere", "session-text")
        self.ann.ask("leave", rid="nowhere")
        grown = self.grown()
        self.assertEqual(grown['jsongle_errors_total{code="400003"}'], 1)
        self.assertEqual(grown['jsongle_errors_total{code="404002"}'], 2)

    def test_garbage_is_counted_as_received(self) -> None:
        """A frame that is no message counts with its bytes, under the label of all that does not exist."""
        self.ann.send_bytes(b"hello")
        grown = self.grown()
        self.assertEqual(grown['jsongle_messages_received_total{action="other"}'], 1)
        self.assertEqual(grown["jsongle_received_bytes_total"], 5)

    def test_rooms_are_counted_when_they_come_to_exist(self) -> None:
        """A room counts once, however many join it; one that comes back counts again."""
        for _ in range(2):
            self.ann.join("m", muc=True)
            self.bob.join("m", muc=True)
            self.ann.ask("leave", rid="m")
            self.bob.ask("leave", rid="m")
        self.bob.take()
        grown = {name: value for name, value in self.grown().items() if name.startswith("jsongle_rooms_created")}
        self.assertEqual(grown, {'jsongle_rooms_created_total{kind="muc"}': 2})

    def test_sessions_are_counted_and_timed(self) -> None:
        """A session counts from its hello on; how long it lasted is added at its end."""
        cy = self.server.connect()
        self.assertEqual(self.grown().get("jsongle_sessions_identified_total"), None)
        cy.hello("cy")
        self.server.clock.advance(90)
        self.server.drop(cy)
        grown = self.grown()
        self.assertEqual(grown["jsongle_connections_opened_total"], 1)
        self.assertEqual(grown["jsongle_sessions_identified_total"], 1)
        self.assertEqual(grown["jsongle_session_seconds_total"], 90)

    def test_reports_of_clients_are_counted(self) -> None:
        """ICE failures and durations that clients report show up, in seconds."""
        self.ann.say("bob", "session-metrics", description={"duration": 90.5})
        self.ann.say("bob", "session-metrics", description={"error": "ice-failed"})
        grown = self.grown()
        self.assertEqual(grown["jsongle_ice_failures_total"], 1)
        seconds = "jsongle_reported_call_seconds"
        self.assertEqual((grown[f"{seconds}_count"], grown[f"{seconds}_sum"]), (1, 90.5))

    def test_calls_are_counted_by_how_they_end_and_timed_from_the_answer(self) -> None:
        """A call counts when it is answered and when it ends; how long it rang is not in its duration."""
        self.ann.say("bob", "session-propose", sid="c-1")
        self.server.clock.advance(5)
        self.bob.say("ann", "session-proceed", sid="c-1")
        grown = self.grown()
        self.assertEqual(grown["jsongle_calls_answered_total"], 1)
        self.assertNotIn("jsongle_call_seconds_count", grown)
        self.ann.say("bob", "session-info", sid="c-1", reason="active")
        self.server.clock.advance(90)
        self.ann.say("bob", "session-terminate", sid="c-1")
        grown = self.grown()
        self.assertEqual(grown['jsongle_calls_ended_total{outcome="completed"}'], 1)
        self.assertEqual((grown["jsongle_call_seconds_count"], grown["jsongle_call_seconds_sum"]), (1, 90))

    def test_a_call_without_an_answer_has_no_duration(self) -> None:
        """What was only rung is counted by its outcome and not timed."""
        self.ann.say("bob", "session-propose", sid="c-1")
        self.ann.say("bob", "session-retract", sid="c-1")
        grown = self.grown()
        self.assertEqual(grown['jsongle_calls_ended_total{outcome="canceled"}'], 1)
        self.assertNotIn("jsongle_call_seconds_count", grown)

    def test_counters_stay_when_what_they_counted_is_gone(self) -> None:
        """Nothing that ends takes its counts along."""
        for client in (self.ann, self.bob):
            self.server.drop(client)
        after = scrape(self.server.metrics)
        for name, value in self.before.items():
            if "_total" in name:
                self.assertGreaterEqual(after[name], value, name)


class HistogramTests(SynchronousTestCase):
    """Values by size."""

    def test_buckets_are_cumulative(self) -> None:
        """Each bucket counts what is not larger than its bound; the last one counts everything."""
        histogram = Histogram((1.0, 2.0))
        for value in (0.5, 1.0, 1.5, 2.0, 3.0):
            histogram.observe(value)
        self.assertEqual(histogram.buckets(), [("1.0", 2), ("2.0", 4), ("+Inf", 5)])
        self.assertEqual(histogram.total, 8.0)

    def test_bounds_ascend(self) -> None:
        """The bounds in use are in order, as counting by bisection needs them."""
        for bounds in (RELAY_BUCKETS, CALL_BUCKETS):
            self.assertEqual(list(bounds), sorted(set(bounds)))

    def test_exposition_has_every_bucket_sum_and_count(self) -> None:
        """A scraper finds the buckets under their bounds, their sum and their count."""
        metrics = Metrics("1")
        for value in (5.0, 61.0, 99999.0):
            metrics.talk_seconds.observe(value)
        series = scrape(metrics)
        found = [series[f'jsongle_call_seconds_bucket{{le="{bound}"}}'] for bound in ("10.0", "60.0", "300.0", "+Inf")]
        self.assertEqual(found, [1, 1, 2, 3])
        self.assertEqual((series["jsongle_call_seconds_count"], series["jsongle_call_seconds_sum"]), (3, 100065.0))


class StandInTests(SynchronousTestCase):
    """Watching something other than a server."""

    def test_anything_that_can_be_counted_can_be_watched(self) -> None:
        """Gauges come from whatever is watched, by what it is asked for."""

        class Watched:
            connection_count = 3
            detached_bytes = 7

            def count_sessions(self) -> dict[str, int]:
                return {"identified": 2}

            def count_rooms(self) -> dict[RoomKind, int]:
                return {RoomKind.MUC: 1}

            def count_calls(self) -> dict[str, int]:
                return {"ringing": 4}

        metrics = Metrics("1")
        metrics.watch(Watched())
        series = scrape(metrics)
        self.assertEqual(series["jsongle_connections"], 3)
        self.assertEqual(series['jsongle_sessions{state="identified"}'], 2)
        self.assertEqual(series['jsongle_rooms{kind="muc"}'], 1)
        self.assertEqual(series['jsongle_calls{state="ringing"}'], 4)
        self.assertEqual(series["jsongle_detached_bytes"], 7)
