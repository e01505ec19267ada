"""`kulanz objections` and `kulanz plans`: what debtors dispute and how it is answered; instalments and their limits."""

import sys
from dataclasses import asdict

import click

from gateway import question_file
from gateway.command_line import SHOP, Desk, Row, id_of, of_merchant
from gateway.core import clock
from gateway.core.ids import to_public
from gateway.core.money import Money
from gateway.merchants.audit import SYSTEM
from gateway.receivables import agreements, days, objections, plans
from gateway.receivables.objections import FINDINGS, ObjectionView, Verdict, Wanted
from gateway.receivables.plans import PlanView


@click.group("objections")
def objections_group() -> None:
    """What debtors dispute, until when they get an answer, and the answer."""


@objections_group.command("list")
@click.option("--state", type=click.Choice(["OPEN", "ACCEPTED", "REJECTED", "WITHDRAWN"]), default="OPEN")
@of_merchant
def list_objections(desk: Desk, *, state: str) -> list[Row]:
    """List objections, open ones by the day on which the answer is due.

    \b
    Example: kulanz objections list
    """
    rows = objections.list_objections(desk.session, Wanted(state=state), objections.MAX_PAGE)
    return [_row(one) for one in objections.views(desk.session, desk.keyring, rows)]


@objections_group.command("show")
@click.argument("objection_id")
@of_merchant
def show_objection(desk: Desk, *, objection_id: str) -> Row:
    """Show an objection with the debtor's words and the answer.

    \b
    Example: kulanz objections show obj_01m80jtwssevksa7y719cbahm4
    """
    seen = objections.get(desk.session, desk.keyring, id_of("obj", objection_id))
    return {**_row(seen), "words": seen.words, "answer": seen.answer, "grounds": seen.grounds}


@objections_group.command("answer")
@click.argument("objection_id")
@click.argument("outcome", type=click.Choice(["accepted", "rejected"]))
@click.option("--text", required=True, help="What the debtor reads.")
@click.option("--finding", type=click.Choice(FINDINGS), required=True, help="Whether it was justified.")
@click.option("--grounds", required=True, help="Why you find so; stays with you.")
@click.option("--credit", type=click.IntRange(1), help="Minor units; without it an accepted one credits everything.")
@of_merchant
def answer_objection(  # noqa: PLR0913 - one option each
    desk: Desk, *, objection_id: str, outcome: str, text: str, finding: str, grounds: str, credit: int | None
) -> Row:
    """Accept or reject an objection, and write to the debtor.

    \b
    Example: kulanz objections answer obj_… rejected --text "Zugestellt am 3.6." --finding unclear --grounds "Tracking"
    """
    verdict = Verdict(outcome, text, finding, grounds, SYSTEM, credit)
    id_ = id_of("obj", objection_id)
    objections.decide(desk.session, desk.keyring, id_, verdict, clock.now())
    return _row(objections.get(desk.session, desk.keyring, id_))


@click.group("plans")
def plans_group() -> None:
    """Instalment plans, and what debtors may agree by themselves."""


@plans_group.command("list")
@click.option("--ended", is_flag=True, help="Those that are over.")
@of_merchant
def list_plans(desk: Desk, *, ended: bool) -> list[Row]:
    """List instalment plans, the newest first.

    \b
    Example: kulanz plans list
    """
    return [_plan(one) for one in plans.list_plans(desk.session, alive=not ended, limit=plans.MAX_PAGE)]


@plans_group.command("show")
@click.argument("plan_id")
@of_merchant
def show_plan(desk: Desk, *, plan_id: str) -> Row:
    """Show a plan with its instalments.

    \b
    Example: kulanz plans show pln_01m80jtwssevksa7y719cbahm4
    """
    seen = plans.get(desk.session, id_of("pln", plan_id))
    currency = seen.row.currency
    shown = {
        f"{rate.number}. {rate.due_date}": f"{Money(rate.amount_minor, currency).format()} ({Money(paid, currency).format()})"
        for rate, paid in zip(seen.rates, seen.paid_minor, strict=True)
    }
    return {**_plan(seen), **shown}


@plans_group.command("advance")
@of_merchant
def advance_plans(desk: Desk) -> list[Row]:
    """Look at the plans that are due today, as the worker does each night.

    \b
    Example: kulanz plans advance
    """
    now = clock.now()
    today = days.today("DE", now)
    looked = [
        (id_, plans.advance(desk.session, desk.keyring, id_, today, now)) for id_ in plans.due(desk.session, today)
    ]
    return [{"id": to_public("pln", id_), "did": step.act.value if step else "rests"} for id_, step in looked]


@plans_group.command("limits")
@click.argument("file", required=False)
@SHOP
@of_merchant
def limits(desk: Desk, *, file: str | None, shop: str) -> Row:
    """Show what debtors may agree by themselves, or set it from FILE (JSON or YAML; - for standard input).

    \b
    Example: kulanz plans limits limits.yaml
    """
    shop_id = desk.shop(shop)
    if file is None:
        return asdict(agreements.limits_of(desk.session, shop_id))
    body = question_file.read(file, sys.stdin.buffer)
    return asdict(agreements.set_limits(desk.session, shop_id, body, SYSTEM, clock.now()))


def _row(seen: ObjectionView) -> Row:
    row = seen.row
    return {
        "id": to_public("obj", row.id),
        "claim": to_public("clm", row.claim_id),
        "category": row.category,
        "state": row.state,
        "raised_at": row.raised_at,
        "due_on": row.due_on,
        "finding": row.finding,
    }


def _plan(seen: PlanView) -> Row:
    row = seen.row
    return {
        "id": to_public("pln", row.id),
        "state": row.state,
        "agreed_at": row.agreed_at,
        "total": Money(row.total_minor, row.currency).format(),
        "paid": Money(sum(seen.paid_minor), row.currency).format(),
        "next_on": seen.next_rate.due_date if seen.next_rate else None,
    }
