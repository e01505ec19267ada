"""Whether a decision costs more when there are more rows: with orders and decisions by the million, an index shows."""

from uuid import UUID

import psycopg

from bench.decisions import APPLICATION
from bench.figures import Figure, Section
from bench.stack import Stack

STEPS = (10_000, 100_000, 1_000_000)
QUICK_STEPS = (1_000, 10_000)
MOST = 1.5


def section(stack: Stack, steps: tuple[int, ...], rounds: int) -> Section:
    """The same load after each step; the floor of each is the first."""
    costs, times = [], []
    with stack.web(APPLICATION) as web, stack.owner() as owner:
        web.warm()
        for rows in steps:
            _grow(owner, stack.merchant_id, rows)
            web.warm()
            taken = [web.measured(seconds=2.0, connections=4) for _ in range(rounds)]
            costs.append([cpu_us for _, cpu_us in taken])
            times.append([outcome.p50_ms for outcome, _ in taken])
    figures = [
        figure
        for rows, cost, time in zip(steps[1:], costs[1:], times[1:], strict=True)
        for figure in (
            Figure(f"CPU per decision at {rows:,} rows", "µs", cost, costs[0], at_most=MOST),
            Figure(f"median time at {rows:,} rows", "ms", time, times[0], at_most=MOST),
        )
    ]
    how = (
        f"Rows of one merchant in `shop_order` and in `decision`, four connections, closed loop. Floor: the same with "
        f"{steps[0]:,} rows, measured before; the steps cannot take turns."
    )
    return Section("Growth", how, figures)


def _grow(owner: psycopg.Connection, merchant_id: UUID, rows: int) -> None:
    """Copies of a row that is there, under other ids, until there are `rows`."""
    owner.execute("SET synchronous_commit = off")
    for table, changes in _COPIES.items():
        there = owner.execute(f"SELECT count(*) FROM {table} WHERE merchant_id = %s", (merchant_id,)).fetchone()
        missing = rows - (there[0] if there else 0)
        if missing > 0:
            columns = [name for (name,) in owner.execute(_COLUMNS, (table,))]
            values = ", ".join(changes.get(name, f"one.{name}") for name in columns)
            owner.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} "
                f"FROM (SELECT * FROM {table} WHERE merchant_id = %s LIMIT 1) one, generate_series(1, {missing}) n",
                (merchant_id,),
            )
        owner.execute(f"VACUUM ANALYZE {table}")


_COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
_COPIES = {
    "shop_order": {"id": "uuidv7()", "reference": "'grown-' || uuidv7()", "buyer_id": "gen_random_uuid()"},
    "decision": {
        "id": "uuidv7()",
        "reference": "'grown-' || uuidv7()",
        "buyer_id": "gen_random_uuid()",
        "record": "'{}'",
        "told_sealed": "NULL",
    },
}
