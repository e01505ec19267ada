"""The decision over HTTP: throughput, tail at fixed rates, CPU per decision, memory of a worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import bodies, floors, processes
from bench.figures import Figure, Section
from bench.stack import Stack, Web, ask

APPLICATION = "gateway.app:create_app()"
RATES = (150, 345)
MEMORY_AT = (2_000, 10_000)
_Round = dict[str, float]


def section(stack: Stack, rounds: int, seconds: float) -> Section:
    """Closed loop, open loop and CPU, all in the same rounds."""
    with webs(stack) as (ours, floor, echo):
        taken = [_round(ours, floor, echo, seconds) for _ in range(rounds)]
    return Section("The decision: `POST /v1/decisions`, full path, no bureau", _HOW, _figures(taken))


def memory(stack: Stack, counts: tuple[int, int] = MEMORY_AT) -> Section:
    """Size of one worker after few and many decisions, beside one that only says hello."""
    with stack.web(APPLICATION, workers=1) as ours, stack.web("bench.floors:hello()", workers=1) as hello:
        hello.load(seconds=60.0, count=2_000)
        floor_mb = hello.worker_memory()[0]
        sizes = []
        for number in (counts[0], counts[1] - counts[0]):
            ours.load(seconds=120.0, count=number)
            sizes.append(ours.worker_memory()[0])
    early, late = sizes
    figures = [
        Figure(f"worker after {counts[1]:,} decisions", "MB", [late], [floor_mb], at_most=3.0),
        Figure(
            f"the same worker after {counts[0]:,}", "MB", [late], [early], at_most=1.05, note="floor: itself, earlier"
        ),
    ]
    return Section(
        "Memory of one web worker", "Resident size from /proc; floor: a Flask worker that says hello.", figures
    )


@contextmanager
def webs(stack: Stack) -> Iterator[tuple[Web, Web, Web]]:
    """Ours, the floor and the echo, warm, at the same time: an idle one costs nothing."""
    with stack.web(APPLICATION) as ours:
        answer = ask(ours.port, next(bodies.requests(stack.secret, 1)))
        Path(stack.env[floors.ANSWER_FILE]).write_bytes(answer)
        with stack.web("bench.floors:decision()") as floor, stack.web("bench.floors:echo()", shared=False) as echo:
            for web in (ours, floor, echo):
                web.warm()
            yield ours, floor, echo


def _round(ours: Web, floor: Web, echo: Web, seconds: float) -> _Round:
    """Every measurement once, ours and floor in turn."""
    taken: _Round = {"errors": 0}
    for name, web, keyed in (
        ("ours", ours, False),
        ("floor", floor, False),
        ("keyed", ours, True),
        ("echo", echo, False),
    ):
        outcome, cpu_us = web.measured(seconds=seconds, keyed=keyed)
        taken |= {f"{name}/s": outcome.per_second, f"{name} cpu": cpu_us, f"{name} p95": outcome.p95_ms}
        taken["errors"] += outcome.errors
    for rate in RATES:
        for name, web in (("ours", ours), ("floor", floor)):
            outcome = web.load(seconds=seconds, rate=float(rate), connections=32)
            taken[f"{name} p95 at {rate}"] = outcome.p95_ms
            taken["errors"] += outcome.errors
    return taken


def _figures(taken: list[_Round]) -> list[Figure]:
    def of(name: str) -> list[float]:
        return [one[name] for one in taken]

    figures = [
        Figure("closed loop, 16 connections", "/s", of("ours/s"), of("floor/s"), at_least=0.70),
        Figure("the same with an Idempotency-Key each", "/s", of("keyed/s"), of("floor/s")),
        Figure("closed loop, 95th percentile", "ms", of("ours p95"), of("floor p95")),
    ]
    figures += [
        Figure(
            f"open loop at {rate}/s, 95th percentile",
            "ms",
            of(f"ours p95 at {rate}"),
            of(f"floor p95 at {rate}"),
            at_most=1.5,
        )
        for rate in RATES
    ]
    if processes.AVAILABLE:
        note = "web, PostgreSQL and Valkey; floor: the schemas' echo, which is web only"
        figures += [
            Figure("CPU per decision", "µs", of("ours cpu"), of("echo cpu"), at_most=2.5, note=note),
            Figure("CPU per decision beside the floor view", "µs", of("ours cpu"), of("floor cpu")),
        ]
    return [*figures, Figure("answers that were no 2xx", "", of("errors"), orientation=0.0)]


_HOW = """Half of the buyers are known with six orders each, half were never seen; one to five lines, four to six methods,
one in three with a device. gunicorn with two gthread workers of four threads. The floor is a Flask view under the same
gunicorn that parses the same JSON and does one Valkey round trip, one indexed SELECT, one committed INSERT and dumps the
same answer (`bench/floors.py`). At a fixed rate times count from when a request was due.

What a decision does beyond its floor is the distance between them: it checks every field and refuses contradictions,
counts 12 to 18 windows, reads history, lists and live policies under row-level security, judges every method, seals what
was told, makes a buyer of every stranger (a key and about six rows), signs a token, and stores a record that can be decided
again, with its digest."""
