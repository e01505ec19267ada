"""`kulanz claims`: what debtors owe, what was paid, and whether the books are whole."""

import sys
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

import click

from gateway import question_file
from gateway.command_line import (
    AS_JSON,
    MERCHANT,
    SHOP,
    Desk,
    OperatorContext,
    Row,
    id_of,
    of_merchant,
    open_desk,
    tell,
)
from gateway.core import clock
from gateway.core.ids import new_id, to_public
from gateway.core.money import Money
from gateway.law import store
from gateway.merchants import audit
from gateway.receivables import claims, days, debtors, follow, listing, proof, shop_terms
from gateway.receivables.changes import Change, Refund, SetHold, WriteOff
from gateway.receivables.claims import Payment
from gateway.receivables.keys import Keys
from gateway.receivables.lifecycle import ClaimState, HoldReason
from gateway.receivables.listing import ClaimsPage
from gateway.receivables.models import Claim
from gateway.receivables.statement import statement

BATCH = 100
"""Claims checked, or orders followed, per transaction."""
DAY = click.DateTime(["%Y-%m-%d"])


@click.group("claims")
def claims_group() -> None:
    """Claims: what debtors owe, what was paid, and whether the books are whole."""


@claims_group.command("list")
@click.option("--state", type=click.Choice([one.value for one in ClaimState]), help="Only those in this state.")
@click.option("--buyer", default="", help="Only those of this buyer (buy_…).")
@click.option("--overdue", is_flag=True, help="Only those whose due date has passed.")
@click.option("--limit", default=50, type=click.IntRange(1, 500), help="At most so many.")
@of_merchant
def list_claims(desk: Desk, *, state: str | None, buyer: str, overdue: bool, limit: int) -> list[Row]:
    """List claims, the newest first.

    \b
    Example: kulanz claims list --overdue
    """
    page = ClaimsPage("", limit, state or "", buyer, None, True if overdue else None)
    found = listing.list_claims(desk.session, page, clock.now())["claims"]
    return [_row(one) for one in found]


def _row(one: dict[str, Any]) -> Row:
    return {
        "id": one["id"],
        "invoice": one["invoice_number"],
        "state": one["state"],
        "owed": _money(one["owed_minor"], one["currency"]),
        "due": one["due_date"],
        "level": one["level"],
        "live": one["live"],
    }


def _money(minor: int, currency: str) -> str:
    return f"{Money(minor, currency).decimal()} {currency}"


@claims_group.command("show")
@click.argument("claim")
@of_merchant
def show_claim(desk: Desk, *, claim: str) -> Row:
    """Show a claim: what is owed, holds, and what happened to it.

    \b
    Example: kulanz claims show clm_01m88893fcdethsgs2p390zs0h5
    """
    row = _claim(desk, claim)
    told = listing.summary(row)
    events = listing.timeline(desk.session, Keys(desk.keyring), row, 0, 200)["events"]
    return {
        **told,
        "holds": [f"{one['reason']} from {one['from_on']} to {one['until_on'] or '-'}" for one in _holds(desk, row)],
        "happened": [f"{one['at']:%Y-%m-%d} {one['event']}" for one in events],
    }


def _holds(desk: Desk, row: Claim) -> list[dict[str, Any]]:
    return listing.holds(desk.session, row.id)


@claims_group.command("statement")
@click.argument("claim")
@click.option("--as-of", type=DAY, help="The day, past or future; today when absent.")
@AS_JSON
@MERCHANT
@click.pass_obj
def show_statement(
    operator: OperatorContext, /, *, claim: str, as_of: datetime | None, merchant: str, as_json: bool
) -> None:
    """Print the statement of a claim as of a day, line by line.

    \b
    Example: kulanz claims statement clm_01m88893fcdethsgs2p390zs0h5 --as-of 2026-12-31
    """
    with open_desk(operator, merchant) as desk:
        row = _claim(desk, claim)
        day = as_of.date() if as_of else _today(row)
        found = statement(desk.session, row.id, day, store.load(desk.session))
    if as_json:
        tell(listing.statement_view(found), as_json=True)
        return
    lines = [
        {
            "day": line.day,
            "what": line.kind if line.entry_id else f"{line.kind} (not booked)",
            "amount": _money(line.amount_minor, found.currency),
            "working": "; ".join(line.working) or None,
        }
        for line in found.lines
    ]
    tell(lines, as_json=False)
    tell(
        {
            "as_of": found.as_of,
            "principal": _money(found.principal_minor, found.currency),
            "costs": _money(found.costs_minor, found.currency),
            "interest": _money(found.interest_minor, found.currency),
            "total": _money(found.total_minor, found.currency),
            "credit_of_the_debtor": _money(found.credit_minor, found.currency),
            "interest_reserved_from": found.reserved_from,
        },
        as_json=False,
    )


@claims_group.command("pay")
@click.argument("claim")
@click.argument("amount_minor", type=click.IntRange(1))
@click.option("--on", "paid_on", type=DAY, help="The day it was paid; today when absent.")
@click.option("--currency", default="", help="Of the payment; that of the claim when absent.")
@click.option("--reference", default="", help="Your id of the payment: told twice, it counts once.")
@of_merchant
def pay(desk: Desk, *, claim: str, amount_minor: int, paid_on: datetime | None, currency: str, reference: str) -> Row:
    """Enter a payment, in minor units (4050 is 40.50), on its value date.

    \b
    Example: kulanz claims pay clm_01m88893fcdethsgs2p390zs0h5 4050 --on 2026-11-20
    """
    row = _claim(desk, claim)
    day = paid_on.date() if paid_on else _today(row)
    told = (row.id, "operator", reference or str(new_id()), day, amount_minor, currency or row.currency)
    payment = Payment(*told, actor=audit.SYSTEM)
    received = debtors.receive_for_claim(desk.session, Keys(desk.keyring), payment, clock.now())
    return {
        "new": received.new,
        "state": received.state,
        "open": _money(received.open_minor, row.currency),
        "credit_of_the_debtor": _money(received.over_minor, row.currency),
    }


@claims_group.command("hold")
@click.argument("claim")
@click.argument("reason", type=click.Choice([one.value for one in HoldReason]))
@click.option("--until", type=DAY, help="Last day; without one it lasts until it is lifted.")
@of_merchant
def hold(desk: Desk, *, claim: str, reason: str, until: datetime | None) -> Row:
    """Hold a claim: nothing is escalated meanwhile.

    \b
    Example: kulanz claims hold clm_01m88893fcdethsgs2p390zs0h5 pause --until 2026-12-24
    """
    row = _claim(desk, claim)
    last = until.date() if until else None
    return _changed(desk, row, SetHold(reason, _today(row), last, actor=audit.SYSTEM))


@claims_group.command("write-off")
@click.argument("claim")
@click.option("--reason", required=True, help="Why; it stands in the claim's history.")
@click.confirmation_option(prompt="What is owed is taken from the books. Write it off?")
@of_merchant
def write_off(desk: Desk, *, claim: str, reason: str) -> Row:
    """Write off what is owed. The debtor still owes it; money that comes is taken.

    \b
    Example: kulanz claims write-off clm_01m88893fcdethsgs2p390zs0h5 --reason "insolvent" --yes
    """
    return _changed(desk, _claim(desk, claim), WriteOff(reason, actor=audit.SYSTEM))


@claims_group.command("check")
@AS_JSON
@MERCHANT
@click.pass_obj
def check(operator: OperatorContext, /, *, merchant: str, as_json: bool) -> None:
    """Add up every ledger and compare it with its claim; exit 1 when something differs.

    \b
    Example: kulanz claims check
    """
    checked, after = 0, UUID(int=0)
    faults: list[proof.Fault] = []
    while True:
        with open_desk(operator, merchant) as desk:
            page = proof.check(desk.session, after, BATCH)
        checked, faults = checked + page.checked, faults + page.faults
        if page.last is None:
            break
        after = page.last
    told = {"claims": checked, "faults": [f"{to_public('clm', one.claim_id)}: {one.what}" for one in faults]}
    tell(told, as_json=as_json)
    if faults:
        raise SystemExit(1)


@claims_group.command("follow")
@AS_JSON
@MERCHANT
@click.pass_obj
def follow_orders(operator: OperatorContext, /, *, merchant: str, as_json: bool) -> None:
    """Open claims for orders that were told before and are owed; run again it changes nothing.

    \b
    Example: kulanz claims follow
    """
    seen, opened, after = 0, 0, UUID(int=0)
    while True:
        with open_desk(operator, merchant) as desk:
            orders = follow.list_owed(desk.session, BATCH, after)
            for order_id in orders:
                opened += claims.find(desk.session, "order", order_id) is None
                follow.follow(desk.session, Keys(desk.keyring), order_id, clock.now())
        seen += len(orders)
        if len(orders) < BATCH:
            break
        after = orders[-1]
    tell({"orders": seen, "claims_opened": opened}, as_json=as_json)


@claims_group.command("refund")
@click.argument("claim")
@click.argument("amount_minor", type=click.IntRange(1))
@click.option("--on", "paid_on", type=DAY, help="Day it was paid back; today when absent.")
@of_merchant
def refund(desk: Desk, *, claim: str, amount_minor: int, paid_on: datetime | None) -> Row:
    """Note that a debtor's credit was paid back to him, in minor units.

    \b
    Example: kulanz claims refund clm_01m80jtwssevksa7y719cbahm4 500
    """
    row = _claim(desk, claim)
    day = paid_on.date() if paid_on else _today(row)
    return _changed(desk, row, Refund(amount_minor, day, f"refund:{new_id()}", actor=audit.SYSTEM))


@claims_group.command("terms")
@click.argument("file", required=False)
@SHOP
@of_merchant
def terms(desk: Desk, *, file: str | None, shop: str) -> Row:
    """Show when claims of a shop are due and on which ground, or set it from FILE (JSON or YAML; - for standard input).

    \b
    Example: kulanz claims terms terms.yaml
    """
    shop_id = desk.shop(shop)
    if file is None:
        return asdict(shop_terms.terms_of(desk.session, shop_id))
    body = question_file.read(file, sys.stdin.buffer)
    return asdict(shop_terms.set_terms(desk.session, shop_id, body, audit.SYSTEM, clock.now()))


def _claim(desk: Desk, public: str) -> Claim:
    return claims.get(desk.session, id_of("clm", public))


def _today(row: Claim) -> date:
    return days.today(row.country, clock.now())


def _changed(desk: Desk, row: Claim, change: Change) -> Row:
    changed = claims.apply(desk.session, Keys(desk.keyring), row.id, change, clock.now())
    return _row(listing.summary(changed))
