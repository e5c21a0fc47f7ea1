"""``docs/metrics.md`` against a scrape: every metric with its type, labels and meaning, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from tests.rest_support import RestServer
from tests.test_docs import read, rows

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"
"""The format that names types as they are; in the other one an info is a gauge."""

SUFFIXES: Final = {"counter": "_total", "info": "_info"}
"""What the names of samples add to that of their family."""


def scrape() -> list[Metric]:
    """Every family that a scraper is given by a server that has been asked something, so that requests have labels."""
    server = RestServer()
    server.ask("GET", "/about")
    answer = server.ask("GET", "/metrics", headers={"Accept": OPENMETRICS})
    return list(text_string_to_metric_families(answer.body.decode()))


def tables(header: str) -> Iterator[tuple[str, ...]]:
    """The rows of all tables of the document that begin so."""
    _, *parts = read("metrics.md").split(header)
    for part in parts:
        yield from rows(header + part, header)


def names(cell: str) -> list[str]:
    """What stands in backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


class MetricsTests(SynchronousTestCase):
    """The tables of metrics, and what is made of them."""

    def setUp(self) -> None:
        """Scrapes."""
        self.families = scrape()

    def test_metrics(self) -> None:
        """Every family that is scraped has a row, with its type, labels and meaning; there are no others."""
        self.assertEqual(list(tables("| metric |")), [_row(family) for family in self.families])

    def test_labels(self) -> None:
        """The table of labels has each label of each metric of ours, once."""
        listed = [(label.strip("`"), metric) for label, metrics, _ in tables("| label |") for metric in names(metrics)]
        used = [
            (label, _row(family)[0].strip("`"))
            for family in self.families
            if family.name.startswith("jsongle_") and family.type != "info"
            for label in _labels(family)
        ]
        self.assertEqual(sorted(listed), sorted(used))

    def test_values(self) -> None:
        """Where the values of a label are named they are those that there are, from the start on."""
        scraped: dict[tuple[str, str], set[str]] = {}
        for family in self.families:
            for sample in family.samples:
                for label, value in sample.labels.items():
                    scraped.setdefault((sample.name, label), set()).add(value)
        for label, metrics, values in tables("| label |"):
            text = values.partition(": see ")[0]
            for metric in names(metrics):
                found = scraped[metric, label.strip("`")]
                if text.startswith("`"):
                    self.assertEqual(found, set(names(text)), metric)

    def test_queries(self) -> None:
        """Every name in a query is a series that is scraped, and every ``by`` a label of it."""
        series = {sample.name: sample.labels.keys() for family in self.families for sample in family.samples}
        queries = [names(query)[0] for _, query in tables("| question |")]
        self.assertGreater(len(queries), 5)
        for query in queries:
            used = re.findall(r"(?:jsongle|process)_\w+", query)
            self.assertNotEqual(used, [], query)
            for name in used:
                self.assertIn(name, series)
            for label in re.findall(r"by \((\w+)\)", query):
                self.assertIn(label, series[used[0]], query)


def _labels(family: Metric) -> set[str]:
    return {label for sample in family.samples for label in sample.labels} - {"le"}


def _row(family: Metric) -> tuple[str, ...]:
    labels = " ".join(f"`{label}`" for label in sorted(_labels(family)))
    return f"`{family.name}{SUFFIXES.get(family.type, '')}`", family.type, labels, family.documentation
