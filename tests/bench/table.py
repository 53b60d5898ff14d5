"""Figures beside their goals, as text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure is to be at most, and what it had best be. The name may hold the names of options in braces."""

    name: str
    target: float
    stretch: float
    digits: int = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """Infinite for what never happened."""

    value: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Unmeasured:
    why: str


Figure = Measured | Unmeasured

Mark = Literal["stretch", "target", "missed", "-"]


def mark(goal: Goal, figure: Figure) -> Mark:
    match figure:
        case Unmeasured():
            return "-"
        case Measured(value):
            return "stretch" if value <= goal.stretch else "target" if value <= goal.target else "missed"
        case _:
            assert_never(figure)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


HEAD = f"{'':<52}{'tokenfall':>10}{'plain':>10}{'target':>9}{'stretch':>9}"


def row(goal: Goal, ours: Figure, plain: Figure) -> str:
    goals = f"{goal.target:>9.{goal.digits}f}{goal.stretch:>9.{goal.digits}f}"
    figures = f"{shown(ours, goal.digits):>10}{shown(plain, goal.digits):>10}"
    return f"{goal.name:<52}{figures}{goals}  {verdict(goal, ours, plain)}"


def verdict(goal: Goal, ours: Figure, plain: Figure) -> str:
    remarks = (note(ours), note(plain, "plain: "))
    return f"{mark(goal, ours):<8}{'; '.join(filter(None, remarks))}".rstrip()


def shown(figure: Figure, digits: int) -> str:
    match figure:
        case Unmeasured():
            return "-"
        case Measured(value):
            return f"{value:,.{digits}f}" if math.isfinite(value) else "never"
        case _:
            assert_never(figure)


def note(figure: Figure, whose: str = "") -> str:
    text = figure.why if isinstance(figure, Unmeasured) else figure.note
    return whose + text if text else ""


def growth(figures: Sequence[Figure]) -> Figure:
    """The last over the first."""
    first, last = figures[0], figures[-1]
    if isinstance(first, Measured) and isinstance(last, Measured):
        return Measured(last.value / first.value)
    return Unmeasured("; ".join(dict.fromkeys(figure.why for figure in figures if isinstance(figure, Unmeasured))))


def growth_head(goal: Goal, sizes: Sequence[int]) -> str:
    columns = "".join(f"{size:>8,}" for size in sizes) + f"{'growth':>8}"
    return f"{goal.name:<24}{columns}{'plain:':>10}{columns}  target {goal.target}, stretch {goal.stretch}"


def growth_row(name: str, goal: Goal, ours: Sequence[Figure], plain: Sequence[Figure]) -> str:
    """The figures at each size and their growth, of which the goal is."""
    columns = ["".join(f"{shown(figure, goal.digits):>8}" for figure in (*figures, growth(figures))) for figures in (ours, plain)]
    return f"{name:<24}{columns[0]}{'':>10}{columns[1]}  {verdict(goal, growth(ours), growth(plain))}"
