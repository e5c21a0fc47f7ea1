"""The results as a picture: a panel of bars for each figure, as SVG that follows the reader's light or dark theme."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.contenders import OWN
from benchmarks.report_table import number
from benchmarks.results import Results
from benchmarks.shapes import Figure, Shape

WIDTH: Final = 860
COLUMNS: Final = 2

_MARGIN: Final = 24
_GAP: Final = 40
_PANEL: Final = (WIDTH - 2 * _MARGIN - _GAP * (COLUMNS - 1)) // COLUMNS
_NAMES: Final = 84
_VALUES: Final = 64
_HEAD: Final = 44
_ROW: Final = 22
_BAR: Final = 14
_TITLE: Final = 64

_STYLE: Final = """\
svg { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; font-size: 13px; }
.paper { fill: #ffffff; } .own { fill: #0969da; } .other { fill: #afb8c1; }
text { fill: #1f2328; } .faint { fill: #59636e; font-size: 12px; }
.title { font-size: 17px; font-weight: 600; } .panel { font-weight: 600; } .name { text-anchor: end; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; } .own { fill: #4493f8; } .other { fill: #4d5560; }
  text { fill: #f0f6fc; } .faint { fill: #9198a1; }
}"""


def chart(results: Results, shapes: Sequence[Shape]) -> str:
    """The chart as an SVG document.

    :param shapes: what may be in it; figures that were not measured are left out.
    """
    panels = [
        (shape, figure)
        for shape in shapes
        for figure in shape.figures
        if figure.in_chart and results.contenders(shape.name)
    ]
    rows = max((len(results.contenders(shape.name)) for shape, _ in panels), default=0)
    height_of_panel = _HEAD + rows * _ROW + _GAP // 2
    height = _TITLE + -(-len(panels) // COLUMNS) * height_of_panel + _MARGIN // 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        ' role="img" aria-labelledby="title about">',
        '<title id="title">JSONgle-Server beside bare relays</title>',
        f'<desc id="about">{escape(_describe(results, panels))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="{_MARGIN}" y="32">JSONgle-Server beside bare relays</text>',
        f'<text class="faint" x="{_MARGIN}" y="50">Medians, one core for each server</text>',
    ]
    for index, (shape, figure) in enumerate(panels):
        left = _MARGIN + index % COLUMNS * (_PANEL + _GAP)
        top = _TITLE + index // COLUMNS * height_of_panel
        parts += [f'<g transform="translate({left} {top})">', *_panel(results, shape, figure), "</g>"]
    return "\n".join((*parts, "</svg>", ""))


def _panel(results: Results, shape: Shape, figure: Figure) -> Iterator[str]:
    values = _medians(results, shape, figure)
    longest = max(values.values()) or 1.0
    about = figure.title + (" (less is better)" if figure.lower_is_better else "")
    yield f'<text class="panel" y="16">{escape(shape.name)}</text>'
    yield f'<text class="faint" y="33">{escape(about)}</text>'
    for row, (contender, value) in enumerate(values.items()):
        top = _HEAD + row * _ROW
        size = round((_PANEL - _NAMES - _VALUES) * value / longest, 1)
        kind = "own" if contender.startswith(OWN) else "other"
        yield f'<text class="name" x="{_NAMES - 8}" y="{top + 12}">{escape(contender)}</text>'
        yield f'<rect class="{kind}" x="{_NAMES}" y="{top}" width="{max(size, 1)}" height="{_BAR}" rx="2"/>'
        yield f'<text class="faint" x="{_NAMES + size + 6:g}" y="{top + 12}">{number(value)}</text>'


def _medians(results: Results, shape: Shape, figure: Figure) -> dict[str, float]:
    spreads = {
        contender: results.spread(shape.name, figure.key, contender=contender)
        for contender in results.contenders(shape.name)
    }
    return {contender: spread.median for contender, spread in spreads.items() if spread}


def _describe(results: Results, panels: Sequence[tuple[Shape, Figure]]) -> str:
    """What the bars show, in words."""
    return " ".join(
        f"{shape.name}, {figure.title}: "
        + ", ".join(f"{contender} {number(value)}" for contender, value in _medians(results, shape, figure).items())
        + "."
        for shape, figure in panels
    )
