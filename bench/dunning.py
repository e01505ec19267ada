"""Nightly dunning: many open claims, a tenth of them due for a step with interest, ledger entry and letter queued."""

import multiprocessing
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg

from bench.figures import Figure, Section
from bench.stack import Stack
from gateway.core import clock
from gateway.core.crypto import Keyring, new_key
from gateway.core.db import WORKER_ROLE, Database
from gateway.core.ids import new_id
from gateway.law import calendars
from gateway.law.tables import shipped
from gateway.merchants import merchants, policies
from gateway.receivables import nightly
from gateway.receivables.keys import Keys
from gateway.receivables.nightly import Night
from gateway.shops import buyers, shops

CLAIMS, QUICK_CLAIMS, SHARE = 100_000, 10_000, 10
WORKERS = 2
DAY = date(2026, 9, 21)
NOW = datetime(2026, 9, 21, 1, tzinfo=UTC)
DUE = date(2026, 9, 15)
LATER = DAY + timedelta(days=20)
STEP = {"key": "d", "kind": "dunning", "delay_days": 3, "interest": True}
POLICY = {"tracks": [{"id": "all", "steps": [STEP]}]}


def section(stack: Stack, claims: int, rounds: int) -> Section:
    """Floor and product in turn over the same rows, two processes each; each round has a merchant of its own."""
    keyring, due = Keyring.parse(Keyring.generate()), claims // SHARE
    night = Night(Keys(keyring), shipped(), NOW, DAY)
    calendars.is_working_day("DE", "HH", DAY, night.tables)  # a worker has long loaded what a first look loads
    ours, floors, seconds = [], [], []
    for _ in range(rounds):
        merchant_id = _fill(stack, keyring, claims)
        floors.append(due / _together(_floor, stack, merchant_id, night))
        _due_again(stack, merchant_id)
        seconds.append(_together(_run, stack, merchant_id, night))
        ours.append(due / seconds[-1])
        _check(stack, merchant_id, due)
    figures = [
        Figure("due claims per second, two workers", "claims/s", ours, floors, at_least=0.25),
        Figure("the night", "s", seconds, orientation=60.0),
    ]
    how = (
        f"{claims:,} open claims of as many debtors, {due:,} of them due: each gets a letter with its figures, booked "
        "interest in the ledger, its history and a queued job. Floor: the same rows selected and updated in batches of "
        f"{nightly.BATCH} with SKIP LOCKED, each batch committed, by as many processes."
    )
    return Section("Nightly dunning", how, figures)


def _together(what: Callable[[str, UUID, Night], None], stack: Stack, merchant_id: UUID, night: Night) -> float:
    """Seconds until two processes are through."""
    url, fork = stack.addresses.database_url_for(WORKER_ROLE), multiprocessing.get_context("fork")
    processes = [fork.Process(target=what, args=(url, merchant_id, night)) for _ in range(WORKERS)]
    started = time.monotonic()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a worker of the night failed")
    return time.monotonic() - started


def _run(url: str, merchant_id: UUID, night: Night) -> None:
    nightly.run(Database(url, role=WORKER_ROLE, pool_size=1), merchant_id, night)


def _floor(url: str, merchant_id: UUID, night: Night) -> None:
    """Select the due rows of a batch, update each, commit."""
    chosen = (
        "SELECT id, buyer_id, principal_minor, due_date FROM claim WHERE merchant_id = %s AND next_on <= %s "
        "ORDER BY buyer_id LIMIT %s FOR UPDATE SKIP LOCKED"
    )
    changed = "UPDATE claim SET next_on = %s, interest_minor = 1, updated_at = now() WHERE merchant_id = %s AND id = %s"
    with psycopg.connect(url.replace("+psycopg", ""), options=f"-c role={WORKER_ROLE}") as connection:
        while True:
            connection.execute(f"SET LOCAL kulanz.merchant_id = '{merchant_id}'")
            rows = connection.execute(chosen, (merchant_id, night.day, nightly.BATCH)).fetchall()
            if not rows:
                return
            with connection.cursor() as cursor:
                cursor.executemany(changed, [(LATER, merchant_id, row[0]) for row in rows])
            connection.commit()


def _fill(stack: Stack, keyring: Keyring, claims: int) -> UUID:
    """A merchant with synthetic debtors and claims, written past the doors: only who is due has a key to seal with."""
    merchant_id, shop_id = _merchant(stack, keyring)
    ids = [new_id() for _ in range(claims)]
    told = {"merchant": merchant_id, "shop": shop_id, "ids": ids, "due": claims // SHARE, **_DAYS}
    with stack.owner() as owner:
        owner.execute("SET session_replication_role = replica")
        with owner.cursor().copy("COPY buyer (merchant_id, id, live, wrapped_key, first_seen_at) FROM STDIN") as copy:
            for place, id_ in enumerate(ids):
                wrapped = keyring.wrap(new_key(), buyers.context_of(id_)) if place < told["due"] else None
                copy.write_row((merchant_id, id_, True, wrapped, NOW))
        for query in (_CLAIMS, _BOOKS):
            owner.execute(query, told)
        owner.execute("SET session_replication_role = origin")
        for table in ("buyer", "claim", "ledger_entry", "ledger_line"):
            owner.execute(f"VACUUM ANALYZE {table}")
    return merchant_id


def _merchant(stack: Stack, keyring: Keyring) -> tuple[UUID, UUID]:
    merchant_id, services, now = new_id(), stack.services(), clock.now()
    with services.db.transaction(merchant_id) as session:
        merchants.found(session, keyring, "Muster & Söhne", "DE", now)
        shop = shops.create(session, keyring, shops.NewShop(name="Musterladen", live=True), now)
        version = policies.save(session, shop.id, "dunning", POLICY, "bench", "", now)
        policies.activate(session, shop.id, "dunning", version, now)
    services.db.engine.dispose()
    return merchant_id, shop.id


def _due_again(stack: Stack, merchant_id: UUID) -> None:
    """What the floor moved is due again."""
    with stack.owner() as owner:
        owner.execute(
            "UPDATE claim SET next_on = %s, interest_minor = 0 WHERE merchant_id = %s AND interest_minor = 1",
            (DAY, merchant_id),
        )
        owner.execute("VACUUM ANALYZE claim")


_DAYS = {"today": DAY, "later": LATER, "due_date": DUE, "delivered": DUE - timedelta(days=14)}
_CLAIMS = """
    INSERT INTO claim (merchant_id, id, shop_id, buyer_id, live, kind, source_id, reference, currency, country, region,
        language, debtor, state, invoice_number, contract_date, delivered_on, due_date, due_ground, consumer_notice,
        principal_minor, next_on, waiting_since, opened_at, updated_at)
    SELECT %(merchant)s, gen_random_uuid(), %(shop)s, b.id, false, 'order', gen_random_uuid(), 'RF' || b.n, 'EUR', 'DE',
        'HH', 'de', 'consumer', 'OPEN', 'R-' || b.n, %(delivered)s, %(delivered)s, %(due_date)s, 'after-delivery', false,
        10000, CASE WHEN b.n <= %(due)s THEN %(today)s::date ELSE %(later)s::date END, %(due_date)s, now(), now()
    FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS b (id, n)
"""
_BOOKS = """
    WITH entry AS (
        INSERT INTO ledger_entry
            (merchant_id, id, claim_id, seq, kind, value_date, cause, line_count, working, booked_at)
        SELECT merchant_id, gen_random_uuid(), id, 1, 'opening', delivered_on, 'order:' || source_id, 2,
            jsonb_build_object('told', jsonb_build_object('amount_minor', 10000, 'day', delivered_on)), now()
        FROM claim WHERE merchant_id = %(merchant)s
        RETURNING merchant_id, id)
    INSERT INTO ledger_line (merchant_id, entry_id, account, amount_minor)
    SELECT e.merchant_id, e.id, l.account, l.amount_minor
    FROM entry e, (VALUES ('principal', 10000), ('sales', -10000)) AS l (account, amount_minor)
"""
"""One statement: the database checks that each entry balances."""


def _check(stack: Stack, merchant_id: UUID, due: int) -> None:
    """What was measured did the whole work."""
    with stack.owner() as owner:
        for table in ("letter", "letter_claim", "ledger_entry WHERE kind = 'interest' AND", "job", "history"):
            where = "" if "WHERE" in table else "WHERE"
            row = owner.execute(f"SELECT count(*) FROM {table} {where} merchant_id = %s", (merchant_id,)).fetchone()
            if row is None or row[0] < due:
                raise RuntimeError(f"{table}: {row}, wanted {due}")
