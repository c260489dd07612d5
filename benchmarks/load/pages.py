"""The report of a load test as one HTML page that needs nothing else: plots are SVG inside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

WIDTH, HEIGHT, LEFT, BELOW = 640, 180, 60, 24
COLOURS: Final = ("#0b63ce", "#c2410c", "#15803d")
Points = Sequence[Sequence[float]]


def page_of(results: Mapping[str, Any]) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    environment.globals["plot"] = plot
    return environment.get_template("report.html").render(results=results)


def plot(lines: Mapping[str, Points], scale: float = 1.0) -> dict[str, Any]:
    """Lines of (seconds, value) as coordinates of a drawing; values are divided by ``scale``."""
    points = [point for line in lines.values() for point in line]
    most_x = max((x for x, _ in points), default=0.0) or 1.0
    most_y = max((y for _, y in points), default=0.0) / scale or 1.0

    def drawn(line: Points) -> str:
        return " ".join(
            f"{LEFT + x / most_x * (WIDTH - LEFT - 10):.1f},{HEIGHT - BELOW - y / scale / most_y * (HEIGHT - BELOW - 24):.1f}"
            for x, y in line
        )

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "bottom": HEIGHT - BELOW,
        "most_x": f"{most_x:.0f}",
        "most_y": f"{most_y:,.0f}",
        "lines": [
            {"name": name, "colour": colour, "points": drawn(line)}
            for (name, line), colour in zip(lines.items(), COLOURS, strict=False)
        ],
    }
