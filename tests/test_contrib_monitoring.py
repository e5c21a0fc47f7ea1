"""``contrib/prometheus`` and ``contrib/grafana``: Prometheus takes them, and they speak of metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from tests.contrib_support import CONTRIB, ROOT, read_yaml, run, tool
from tests.rest_support import RestServer

PROMETHEUS: Final = CONTRIB / "prometheus"
GUIDE: Final = ROOT / "docs/how-to/deploying.md"

WORDS: Final = frozenset(
    {"and", "by", "changes", "count", "group_left", "histogram_quantile", "increase", "max", "min"}
)
WORDS_TOO: Final = frozenset({"on", "or", "rate", "sum", "unless", "without"})
"""What is a word of PromQL where a metric could stand."""

OF_PROMETHEUS: Final = {"up": {"job", "instance"}}
"""Series that Prometheus makes itself, with their labels."""

SERIES: Final = re.compile(r"(?<![\w.])([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?")
MATCHER: Final = re.compile(r"\s*(\w+)\s*(=~|!~|!=|=)\s*\"([^\"]*)\"\s*(?:,|$)")


def scrape() -> dict[str, dict[str, set[str]]]:
    """The labels of each series that ``/metrics`` has, and their values, once something of every kind has happened."""
    server = RestServer(rate_limit=0)
    ann, bob = server.user("ann"), server.user("bob")
    for client in (ann, bob):
        client.join("r")
        client.join("m", muc=True)
    ann.say("r", "session-text")
    ann.say("nowhere", "session-text")
    ann.say("bob", "session-propose", sid="c-1")
    bob.say("ann", "session-proceed", sid="c-1")
    ann.say("bob", "session-terminate", sid="c-1")
    server.get("/about")
    for reason in (
        "full",
        "draining",
        "starting",
    ):  # those that a handshake is refused with, see test_websocket_handshake
        server.metrics.refusals[reason] += 1
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(server.get("/metrics").body.decode()):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {"job": set(), "instance": set()})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Every PromQL expression of the rules and the dashboard, with the name of what it is in."""
    for group in read_yaml("prometheus", "alerts.yml")["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    board = dashboard()
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            query = variable["query"]["query"]
            yield variable["name"], query.removeprefix("label_values(").rpartition(",")[0]


def dashboard() -> Any:
    """The dashboard of Grafana."""
    return json.loads((CONTRIB / "grafana/dashboard.json").read_text(encoding="utf-8"))


def problems(expression: str, known: dict[str, dict[str, set[str]]]) -> Iterator[str]:
    """What an expression speaks of that there is not: series, labels, values of labels."""
    labels = {label for series in known.values() for label in series}
    for grouping in re.findall(r"\b(?:by|on|without)\s*\(([^)]*)\)", expression):
        yield from (f"label {label}" for label in re.split(r"[\s,]+", grouping.strip()) if label not in labels)
    rest = re.sub(r"\b(?:by|on|without)\s*\([^)]*\)|\[[^\]]*\]", " ", expression)
    for name, inside in SERIES.findall(rest):
        if name in WORDS | WORDS_TOO:
            continue
        if name not in known:
            yield f"metric {name}"
            continue
        for label, operator, value in MATCHER.findall(inside):
            if label not in known[name]:
                yield f"label {label} of {name}"
            elif label not in ("job", "instance"):
                wanted = value.split("|") if "~" in operator else [value]
                yield from (f"{label}={each} of {name}" for each in wanted if each not in known[name][label])


class NameTests(SynchronousTestCase):
    """Names, compared with a scrape."""

    def setUp(self) -> None:
        """Scrapes."""
        self.known = scrape()
        self.known |= {name: {label: set() for label in labels} for name, labels in OF_PROMETHEUS.items()}

    def test_expressions(self) -> None:
        """Every metric, label and value of a label that rules and dashboard use is there."""
        found = list(expressions())
        self.assertGreater(len(found), 40)
        wrong = [f"{place}: {problem}" for place, text in found for problem in problems(text, self.known)]
        self.assertEqual(wrong, [])

    def test_mistakes_are_seen(self) -> None:
        """What is not there is found, wherever it stands: this test's own eye."""
        for text, problem in (
            ("sum(jsongle_conections)", "metric jsongle_conections"),
            ("rate(jsongle_errors_total[5m]) / jsongle_errors", "metric jsongle_errors"),
            ("sum by (kod) (rate(jsongle_errors_total[5m]))", "label kod"),
            ('jsongle_errors_total{kod="500001"}', "label kod of jsongle_errors_total"),
            ('jsongle_errors_total{job="x", code="500009"} > 1e9', "code=500009 of jsongle_errors_total"),
            ('jsongle_webhooks_total{result=~"failed|lost"}', "result=lost of jsongle_webhooks_total"),
        ):
            self.assertEqual(list(problems(text, self.known)), [problem])

    def test_legends(self) -> None:
        """What the legends of the dashboard take from labels is in the series."""
        for panel in dashboard()["panels"]:
            for target in panel.get("targets", ()):
                used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                grouped = re.search(r"\bby \(([^)]*)\)", target["expr"])
                have = set(grouped[1].split(", ")) if grouped else {"instance"}
                self.assertEqual(used - have, set(), panel["title"])

    def test_guide(self) -> None:
        """The guide has every alert, with what to do, and no others; the metrics that it names are there."""
        text = GUIDE.read_text(encoding="utf-8")
        rows = re.findall(r"^\| `(JSONgle\w+)` \|", text, re.MULTILINE)
        self.assertEqual(rows, [rule["alert"] for rule in read_yaml("prometheus", "alerts.yml")["groups"][0]["rules"]])
        named = set(re.findall(r"\b(?:process|python|jsongle)_[a-z_]+\b", text)) - {"jsongle_server"}
        self.assertEqual({name for name in named if name not in self.known}, set())


class PrometheusTests(SynchronousTestCase):
    """What Prometheus's own tool says."""

    def test_config(self) -> None:
        """The configuration and its rules are sound."""
        status, said = run(
            tool("promtool", package="prometheus"), "check", "config", str(PROMETHEUS / "prometheus.yml")
        )
        self.assertEqual(status, 0, said)

    def test_alerts(self) -> None:
        """Each alert fires for its trouble, with the text that it should have, and none for a server that is well."""
        status, said = run(tool("promtool", package="prometheus"), "test", "rules", str(PROMETHEUS / "alerts_test.yml"))
        self.assertEqual(status, 0, said)

    def test_all_alerts_are_tested(self) -> None:
        """The tests have each alert silent once, and firing once."""
        names = sorted(rule["alert"] for rule in read_yaml("prometheus", "alerts.yml")["groups"][0]["rules"])
        cases = [
            case for test in read_yaml("prometheus", "alerts_test.yml")["tests"] for case in test["alert_rule_test"]
        ]
        self.assertEqual(sorted(case["alertname"] for case in cases if case.get("exp_alerts")), names)
        self.assertEqual(sorted(case["alertname"] for case in cases if not case.get("exp_alerts")), names)

    def test_severities(self) -> None:
        """Alerts are for now or for working hours, and say what happened and what it means."""
        for rule in read_yaml("prometheus", "alerts.yml")["groups"][0]["rules"]:
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
            self.assertEqual(set(rule["annotations"]), {"summary", "description"})


class GrafanaTests(SynchronousTestCase):
    """The dashboard and what loads it."""

    def test_importable(self) -> None:
        """The dashboard can be imported anywhere: its data source is a variable, and it has no id yet."""
        board = dashboard()
        self.assertNotIn("id", board)
        self.assertEqual(board["templating"]["list"][0]["type"], "datasource")
        sources = re.findall(r'"datasource": (\{.*?"\})', json.dumps(board))
        self.assertEqual(set(sources), {'{"type": "prometheus", "uid": "${datasource}"}'})

    def test_panels_do_not_overlap(self) -> None:
        """Every panel has an id and a place of its own on a grid that is 24 wide."""
        panels = dashboard()["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken: set[tuple[int, int]] = set()
        for panel in panels:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24)
            taken |= cells

    def test_provisioning(self) -> None:
        """Grafana is told of the Prometheus of the compose file, and looks for dashboards where that puts one."""
        compose = read_yaml("docker", "compose.yaml")["services"]
        (source,) = read_yaml("grafana", "provisioning", "datasources", "prometheus.yaml")["datasources"]
        self.assertEqual((source["url"], source["type"]), ("http://prometheus:9090", "prometheus"))
        self.assertIn("prometheus", compose)
        (provider,) = read_yaml("grafana", "provisioning", "dashboards", "jsongle.yaml")["providers"]
        mounted = [volume.split(":")[1] for volume in compose["grafana"]["volumes"]]
        self.assertIn(f"{provider['options']['path']}/jsongle.json", mounted)
