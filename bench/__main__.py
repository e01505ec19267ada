"""`python -m bench`: measure everything, print it, write docs/benchmarks.md. `--quick` is a look, not a measurement."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import bank, decisions, dunning, growth, inprocess, intake, letters, models, stack, start, work
from bench.figures import Figure, Section, machine_facts, page, printed
from gateway.core import clock

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
PARTS = (
    "judgement",
    "models",
    "letters",
    "bank",
    "start",
    "velocity",
    "decision",
    "memory",
    "intake",
    "work",
    "dunning",
    "growth",
)


def main() -> int:
    """Exit status 1 when a budget is missed."""
    wanted = _arguments()
    machine = machine_facts()
    print("\n".join(machine))
    sections = []
    for section in _sections(wanted.only or PARTS, quick=wanted.quick):
        print(printed(section), flush=True)
        sections.append(section)
    if not wanted.quick and not wanted.only:
        PAGE.write_text(page(sections, f"{clock.now():%Y-%m-%d}", [*machine, f"at the end: {machine_facts()[-1]}"]))
        print(f"\nwritten to {PAGE}")
    return int(any(figure.holds is False for section in sections for figure in section.figures))


def _sections(names: tuple[str, ...], *, quick: bool) -> Iterator[Section]:
    """One after the other, those that need servers on the same ones."""
    rounds, seconds = (2, 1.0) if quick else (5, 2.5)
    alone: dict[str, Callable[[], Section]] = {
        "judgement": lambda: inprocess.judgement(rounds),
        "models": lambda: models.section(quick=quick),
        "letters": lambda: letters.section(rounds),
        "bank": lambda: bank.section(rounds, quick=quick),
        "start": lambda: start.section(1 if quick else 3),
    }
    served: dict[str, Callable[[stack.Stack], Section]] = {
        "velocity": lambda running: inprocess.velocity(running, rounds),
        "decision": lambda running: decisions.section(running, rounds, seconds),
        "memory": lambda running: decisions.memory(running, (200, 1_000) if quick else decisions.MEMORY_AT),
        "intake": lambda running: intake.section(running, rounds, seconds),
        "work": _work,
        "dunning": lambda running: dunning.section(
            running, dunning.QUICK_CLAIMS if quick else dunning.CLAIMS, 1 if quick else rounds
        ),
        "growth": lambda running: growth.section(running, growth.QUICK_STEPS if quick else growth.STEPS, rounds),
    }
    yield from (part() for name, part in alone.items() if name in names)
    if not served.keys() & set(names):
        return
    with stack.started() as running:
        yield from (part(running) for name, part in served.items() if name in names)


def _work(running: stack.Stack) -> Section:
    """The background's figures, as `bench/work.py` measures them."""
    url = running.addresses.database_owner_url
    rows = [measure(url) for measure in (work.bench_jobs, work.bench_delivery, work.bench_intake)]
    figures = [Figure(r["row"], r["unit"], [r["figure"]], [r["floor"]], at_least=r["budget"]) for r in rows]
    return Section("Work in the background and at the door", work.__doc__ or "", figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds; writes nothing")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these sections; writes nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
