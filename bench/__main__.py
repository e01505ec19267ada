"""`python -m bench`: measure everything, print it, write docs/benchmarks.md. `--quick` is a look, not a measurement."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import decisions, inprocess, stack
from bench.figures import Section, machine_facts, page, printed
from gateway.core import clock

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def main() -> int:
    """Exit status 1 when a budget is missed."""
    wanted = _arguments()
    machine = machine_facts()
    print("\n".join(machine))
    sections = []
    for section in _sections(wanted.quick, wanted.only):
        print(printed(section), flush=True)
        sections.append(section)
    if not wanted.quick and not wanted.only:
        PAGE.write_text(page(sections, f"{clock.now():%Y-%m-%d}", [*machine, f"at the end: {machine_facts()[-1]}"]))
        print(f"\nwritten to {PAGE}")
    return int(any(figure.holds is False for section in sections for figure in section.figures))


def _sections(quick: bool, only: str) -> Iterator[Section]:
    rounds, seconds = (2, 1.0) if quick else (5, 2.5)
    with stack.started() as running:
        parts: dict[str, Callable[[], Section]] = {
            "judgement": lambda: inprocess.judgement(rounds),
            "velocity": lambda: inprocess.velocity(running, rounds),
            "decision": lambda: decisions.section(running, rounds, seconds),
            "memory": lambda: decisions.memory(running, (200, 1_000) if quick else decisions.MEMORY_AT),
        }
        for name, part in parts.items():
            if only in ("", name):
                yield part()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds; writes nothing")
    parser.add_argument("--only", default="", help="one section: judgement, velocity, decision, memory")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
