"""Small statistics, and tables that a person can read."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Report:
    """What one benchmark found: a table with the sentences that say how it was measured."""

    title: str
    how: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: dict[str, Any] = field(default_factory=dict)  # the same in numbers, for --save

    def __str__(self) -> str:
        return f"{self.title}\n{'=' * len(self.title)}\n{self.how}\n\n{_table(self.columns, self.rows)}\n"


@dataclass(frozen=True)
class Spread:
    """The median of several rounds, and how far they lay apart."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{readable(self.median)} ({readable(self.low)}–{readable(self.high)})"


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of all values lies: `quantile(latencies, 0.99)`."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def readable(value: float) -> str:
    """Three digits that matter, and no more."""
    if math.isnan(value):
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def milliseconds(seconds: float) -> str:
    return f"{readable(seconds * 1_000)} ms"


def against(ratio: float, reach: float, *, at_least: bool) -> str:
    """A ratio beside the one that is wanted: "0.62× (reach 0.50×)", with a mark when it is missed."""
    reached = ratio >= reach if at_least else ratio <= reach
    return f"{ratio:.2f}× (reach {reach:.2f}×{'' if reached else ', MISSED'})"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
