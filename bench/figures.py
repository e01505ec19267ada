"""What is reported: one figure with its floor and budget, and the page that holds them all (pure but for the machine)."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One measured thing. `values` and `floors` are rounds measured in turn, so their ratios are pairs."""

    what: str
    unit: str
    values: list[float]
    floors: list[float] | None = None
    at_most: float | None = None
    """Budget as a ratio to the floor; with `at_least` the other way round."""
    at_least: float | None = None
    orientation: float | None = None
    """Absolute figure for orientation; a budget only where there is no floor."""
    lowest: float | None = None
    """The least that is good enough, where more is better and there is no floor."""
    note: str = ""

    @property
    def value(self) -> float:
        return median(self.values)

    @property
    def floor(self) -> float | None:
        return median(self.floors) if self.floors else None

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios."""
        if not self.floors:
            return None
        return median(value / floor for value, floor in zip(self.values, self.floors, strict=True))

    @property
    def holds(self) -> bool | None:
        """Whether the budget is kept; None for a figure without one."""
        ratio = self.ratio
        if ratio is not None and self.at_most is not None:
            return ratio <= self.at_most
        if ratio is not None and self.at_least is not None:
            return ratio >= self.at_least
        if ratio is None and self.lowest is not None:
            return self.value >= self.lowest
        if ratio is None and self.orientation is not None:
            return self.value <= self.orientation
        return None

    @property
    def budget(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g} ×"
        if self.at_least is not None:
            return f"≥ {self.at_least:g} ×"
        if self.lowest is not None:
            return f"≥ {self.lowest:g} {self.unit}"
        return f"≤ {self.orientation:g} {self.unit}" if self.orientation is not None else ""

    def row(self) -> tuple[str, ...]:
        """The cells of its line: what, measured, floor, ratio, budget, whether it holds."""
        verdict = {None: "", True: "holds", False: "**missed**"}[self.holds]
        return (
            self.what,
            self._amount(self.value, spread=True),
            "" if self.floor is None else self._amount(self.floor),
            "" if self.ratio is None else f"{self.ratio:.2f}",
            self.budget,
            verdict,
        )

    def _amount(self, value: float, *, spread: bool = False) -> str:
        text = f"{_rounded(value)} {self.unit}"
        if spread and len(self.values) > 1:
            text += f" ({_rounded(min(self.values))}-{_rounded(max(self.values))})"
        return text


@dataclass(frozen=True)
class Section:
    """Figures that belong together, and how they were measured."""

    title: str
    how: str
    figures: list[Figure]


HEADER = ("what", "measured (least-most)", "floor", "ratio", "budget", "")


def printed(section: Section) -> str:
    """The section as plain text for a terminal."""
    rows = [HEADER, *(figure.row() for figure in section.figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"  {figure.what}: {figure.note}" for figure in section.figures if figure.note]
    return "\n".join([f"\n{section.title}", *lines, *notes])


def page(sections: list[Section], when: str, machine: list[str]) -> str:
    """docs/benchmarks.md."""
    parts = [_INTRODUCTION.format(when=when, machine="\n".join(f"- {line}" for line in machine))]
    parts += [_markdown(section) for section in sections]
    return "\n".join(parts)


def _markdown(section: Section) -> str:
    rows = [HEADER, tuple("---" for _ in HEADER), *(figure.row() for figure in section.figures)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    notes = "".join(f"\n- {figure.what}: {figure.note}" for figure in section.figures if figure.note)
    return f"## {section.title}\n\n{section.how}\n\n{table}\n{notes}\n"


def machine_facts() -> list[str]:
    """What the figures depend on, and how busy the machine is now."""
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    return [
        f"{os.cpu_count()} cores, {_processor()}, {_memory_gb()} GB of memory",
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        f"load average over 1, 5 and 15 minutes: {load}",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _memory_gb() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _rounded(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


_INTRODUCTION = """# Benchmarks

Written by `make bench` ({when}); run it to have the figures of your machine. Each figure is the median of interleaved
rounds and stands beside a floor that was measured in the same rounds: a plain program that does the least that could be
called the same work. Machines differ and are shared, **the ratio is the budget**; the floors are in `bench/floors.py`.
PostgreSQL runs with its durable defaults (fsync and synchronous_commit on), and the load generator shares the machine.

{machine}
"""
