"""Whether a decision costs more when there are more rows: with orders and decisions by the million, an index shows."""

from uuid import UUID

import psycopg

from bench import decisions
from bench.figures import Figure, Section
from bench.stack import Stack, Web

STEPS = (10_000, 100_000, 1_000_000)
QUICK_STEPS = (1_000, 10_000)
MOST = 1.5


def section(stack: Stack, steps: tuple[int, ...], rounds: int) -> Section:
    """The same load after each step, beside the floor view, whose table stays small: what is left is the growth."""
    taken = []
    with decisions.webs(stack) as (ours, floor, _), stack.owner() as owner:
        for rows in steps:
            _grow(owner, stack.merchant_id, rows)
            ours.warm()
            taken.append([_beside(ours, floor) for _ in range(rounds)])
    figures = [
        Figure(f"{what} at {rows:,} rows", "× floor view", [one[place] for one in after], first, at_most=MOST)
        for rows, after in zip(steps[1:], taken[1:], strict=True)
        for place, what in enumerate(("CPU per decision", "median time"))
        for first in [[one[place] for one in taken[0]]]
    ]
    how = (
        "Rows of one merchant in `shop_order` and in `decision`, four connections, closed loop, each round as a multiple "
        f"of the floor view measured with it. Floor: the same multiple at {steps[0]:,} rows."
    )
    return Section("Growth", how, figures)


def _beside(ours: Web, floor: Web) -> tuple[float, float]:
    """CPU and median time of ours, as multiples of the floor view's in the same moment."""
    (outcome, cpu_us), (least, least_cpu_us) = (web.measured(seconds=2.0, connections=4) for web in (ours, floor))
    return cpu_us / least_cpu_us, outcome.p50_ms / least.p50_ms


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
