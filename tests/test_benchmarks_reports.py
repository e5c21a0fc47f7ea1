"""Tests of what comes of the benchmarks: medians, ratios, floors, table, chart, JSON."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import orjson
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.floors import FLOORS, Floor
from benchmarks.load.meter import Measured
from benchmarks.report_chart import chart
from benchmarks.report_json import document
from benchmarks.report_table import floors, number, remarks, table
from benchmarks.results import Results, Spread
from benchmarks.shapes import SHAPES, figure_of

BURST = next(shape for shape in SHAPES if shape.name == "burst")
SVG = "{http://www.w3.org/2000/svg}"


def results_of(relayed: dict[str, list[float]], *, generator: float = 0.5, others: float = 0.0) -> Results:
    """Results of the shape burst, by contender and round."""
    results = Results()
    for contender, rounds in relayed.items():
        for figure in rounds:
            measured = Measured({"relayed": figure}, generator, 1.0, others)
            results.add("burst", measured, contender=contender)
    return results


class ResultsTests(SynchronousTestCase):
    """Medians and ratios."""

    def test_spread_over_the_rounds(self) -> None:
        """Median, least and most."""
        results = results_of({"ws": [30.0, 10.0, 20.0]})
        self.assertEqual(results.spread("burst", "relayed", contender="ws"), Spread(20.0, 10.0, 30.0))

    def test_ratio_is_that_of_the_medians(self) -> None:
        """It says how many times the other's figure ours is."""
        results = results_of({"jsongle": [10.0, 60.0, 30.0], "ws": [20.0, 1.0, 90.0]})
        self.assertEqual(results.ratio("burst", "relayed", contender="ws"), 1.5)

    def test_what_was_not_measured_has_no_ratio(self) -> None:
        """Neither has a zero, which nothing is any number of times of."""
        results = results_of({"jsongle": [10.0], "ws": [0.0]})
        self.assertIsNone(results.ratio("burst", "relayed", contender="autobahn"))
        self.assertIsNone(results.ratio("burst", "relayed", contender="ws"))
        self.assertIsNone(results.ratio("wide", "relayed", contender="ws"))

    def test_shares_are_the_worst_ones(self) -> None:
        """One round in which the generator was too busy is one too many."""
        results = Results()
        for server, generator, others in ((1.0, 0.3, 0.0), (0.8, 0.9, 0.2), (0.9, 0.1, 0.1)):
            results.add("burst", Measured({"relayed": 1.0}, generator, server, others), contender="ws")
        self.assertEqual(results.shares("burst", contender="ws"), (0.9, 0.9, 0.2))


class FloorTests(SynchronousTestCase):
    """Floors."""

    def test_every_floor_is_about_something_that_is_measured(self) -> None:
        """Shapes, figures and contenders exist."""
        names = {contender.name for contender in CONTENDERS}
        for floor in FLOORS:
            self.assertTrue(figure_of(floor.shape, floor.figure))
            self.assertIn(floor.beside or "jsongle", names)

    def test_at_least_so_many_times_another(self) -> None:
        """The bound itself is met, anything less is not."""
        floor = Floor("burst", "relayed", 2.0, beside="autobahn")
        for own, met in ((40.0, True), (39.9, False)):
            value = floor.value(results_of({"jsongle": [own], "autobahn": [20.0]}))
            assert value is not None
            self.assertEqual(floor.is_met(value), met)

    def test_at_most_a_value(self) -> None:
        """The bound itself is met, anything more is not."""
        floor = Floor("burst", "relayed", 14.0, at_most=True)
        for own, met in ((14.0, True), (14.1, False)):
            value = floor.value(results_of({"jsongle": [own]}))
            assert value is not None
            self.assertEqual(floor.is_met(value), met)

    def test_each_is_told(self) -> None:
        """Met, missed, or not measured, in a line each."""
        results = results_of({"jsongle": [30.0], "ws": [20.0]})
        checked = [
            Floor("burst", "relayed", bound, beside=name) for bound, name in ((1, "ws"), (2, "ws"), (2, "picows"))
        ]
        lines = floors(results, checked).splitlines()
        self.assertEqual([line.split("  ")[0] for line in lines], ["met", "MISSED", "not measured"])
        self.assertTrue(lines[0].endswith("burst, messages relayed a second, at least 1 x ws: 1.50 x"), lines[0])


class TableTests(SynchronousTestCase):
    """The table."""

    def test_a_row_for_each_contender(self) -> None:
        """Median, spread, and how many times the other this server is."""
        told = table(results_of({"jsongle": [41_000.4, 40_000.0, 42_000.0], "ws": [20_500.0]}), SHAPES)
        self.assertRegex(told, r"(?m)^    jsongle +41,000 +40,000 to 42,000$")
        self.assertRegex(told, r"(?m)^    ws +20,500 +20,500 to 20,500 +2\.00 x$")

    def test_shapes_that_were_not_measured_are_left_out(self) -> None:
        """There are no empty tables."""
        self.assertNotIn("wide", table(results_of({"jsongle": [1.0]}), SHAPES))

    def test_a_generator_that_was_too_busy_is_marked(self) -> None:
        """Above 95 % of its core it may be what was measured."""
        for generator, marked in ((0.94, False), (0.96, True)):
            told = table(results_of({"ws": [1.0]}, generator=generator), SHAPES)
            self.assertEqual("TOO BUSY" in told, marked)

    def test_remarks_say_what_makes_it_less_sure(self) -> None:
        """Others that took part of a core, and what could not be measured."""
        results = results_of({"ws": [1.0, 2.0]}, others=0.2)
        results.failures.append("wide 1/3 ws: gone")
        told = remarks(results)
        self.assertIn("In 2 of 2 measurements other processes took more than 5% of a core.", told)
        self.assertIn("In 0 of them the generator took more than 95% of its core.", told)
        self.assertIn("Not measured: wide 1/3 ws: gone", told)

    def test_numbers_have_three_digits_that_count(self) -> None:
        """Large ones have no decimals."""
        told = [number(value) for value in (0.0, 0.0512, 1.0, 14.26, 99.94, 123.4, 38_120.4)]
        self.assertEqual(told, ["0", "0.0512", "1.00", "14.3", "99.9", "123", "38,120"])


class ChartTests(SynchronousTestCase):
    """The chart."""

    def test_bars_are_as_long_as_their_values(self) -> None:
        """It is XML, and the bars of a panel are to each other as the medians are."""
        root = ElementTree.fromstring(chart(results_of({"jsongle": [40.0], "ws": [10.0]}), SHAPES))
        bars = [bar for bar in root.iter(f"{SVG}rect") if bar.get("class") in {"own", "other"}]
        own, other = (float(bar.get("width", "0")) for bar in bars)
        self.assertAlmostEqual(own / other, 4.0, places=1)

    def test_can_be_read_aloud(self) -> None:
        """Title and description say in words what the bars show."""
        root = ElementTree.fromstring(chart(results_of({"jsongle": [40_000.0], "ws": [10_000.0]}), SHAPES))
        self.assertTrue(root.findtext(f"{SVG}title"))
        self.assertEqual(root.findtext(f"{SVG}desc"), "burst, messages relayed a second: jsongle 40,000, ws 10,000.")

    def test_panels_stay_within_the_picture(self) -> None:
        """However many there are."""
        results = Results()
        for shape in SHAPES:
            for contender in CONTENDERS:
                figures = {figure.key: 123_456.0 for figure in shape.figures}
                results.add(shape.name, Measured(figures, 0.5, 1.0, 0.0), contender=contender.name)
        root = ElementTree.fromstring(chart(results, SHAPES))
        width, height = (float(size) for size in root.get("viewBox", "").split()[2:])
        for panel in root.iter(f"{SVG}g"):
            left, top = map(float, re.findall(r"\d+", panel.get("transform", "")))
            for bar in panel.iter(f"{SVG}rect"):
                self.assertLess(left + float(bar.get("x", "0")) + float(bar.get("width", "0")), width)
                self.assertLess(top + float(bar.get("y", "0")) + float(bar.get("height", "0")), height)

    def test_follows_the_theme(self) -> None:
        """Dark colours stand beside the light ones."""
        self.assertIn("prefers-color-scheme: dark", chart(results_of({"ws": [1.0]}), SHAPES))


class JsonTests(SynchronousTestCase):
    """The data behind the chart."""

    def test_holds_every_measurement(self) -> None:
        """Rounds as they were measured, spreads, floors, and the machine."""
        results = results_of({"jsongle": [40.0, 20.0], "ws": [10.0]})
        told = orjson.loads(document(results, [BURST], [Floor("burst", "relayed", 2.0, beside="ws")], contenders=[]))
        [shape] = told["shapes"]
        self.assertEqual([one["figures"]["relayed"] for one in shape["rounds"]["jsongle"]], [40.0, 20.0])
        self.assertEqual(shape["spreads"]["jsongle"]["relayed"], {"median": 30.0, "least": 20.0, "most": 40.0})
        self.assertEqual([(floor["value"], floor["met"]) for floor in told["floors"]], [(3.0, True)])
        self.assertGreaterEqual(told["machine"]["cores"], 1)


class ContenderTests(SynchronousTestCase):
    """Who takes part."""

    def test_this_server_needs_nothing_more(self) -> None:
        """It can always be measured, and the bare Autobahn relay too."""
        self.assertEqual(
            [contender.missing for contender in CONTENDERS if not (contender.modules or contender.packages)], [[]] * 3
        )

    def test_what_is_missing_is_named(self) -> None:
        """Python modules and Node packages."""
        contender = Contender("x", "x", (), modules=("no_such_module", "json"), packages=("no-such-package",))
        self.assertIn("no_such_module", contender.missing)
        self.assertIn("no-such-package", contender.missing)
        self.assertNotIn("json", contender.missing)
