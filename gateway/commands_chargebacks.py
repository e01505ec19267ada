"""`kulanz chargebacks`: disputed payments, their deadlines and evidence, and how they are answered."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gateway.chargebacks import commands, pack, pdf, rows, terms
from gateway.chargebacks.api import view
from gateway.chargebacks.commands import By
from gateway.chargebacks.terms import Terms
from gateway.command_line import AS_JSON, MERCHANT, Desk, OperatorContext, Row, id_of, of_merchant, open_desk, tell
from gateway.core import clock
from gateway.core.ids import to_public
from gateway.merchants.audit import SYSTEM


@click.group("chargebacks")
def chargebacks_group() -> None:
    """Disputed payments: deadlines, evidence, answers."""


@chargebacks_group.command("list")
@click.option("--ended", is_flag=True, help="Those that have ended.")
@of_merchant
def list_chargebacks(desk: Desk, *, ended: bool) -> list[Row]:
    """List chargebacks, open ones by their deadline.

    \b
    Example: kulanz chargebacks list
    """
    wanted = rows.Wanted(show="ended" if ended else "open", limit=rows.MAX_PAGE)
    names = ("id", "provider", "category", "state", "amount_minor", "currency", "due_at")
    return [{name: view(row)[name] for name in names} for row in rows.list_chargebacks(desk.session, wanted)]


@chargebacks_group.command("show")
@click.argument("chargeback_id")
@of_merchant
def show(desk: Desk, *, chargeback_id: str) -> Row:
    """Show a chargeback and whether an answer pays.

    \b
    Example: kulanz chargebacks show cbk_01m80jtwssevksa7y719cbahm4
    """
    row = rows.get(desk.session, id_of(rows.PREFIX, chargeback_id))
    worth = pack.estimate(desk.session, row, pack.assemble(desk.session, desk.keyring, row))
    return {**view(row), "recommendation": worth.recommendation, **worth.working}


@chargebacks_group.command("evidence")
@click.argument("chargeback_id")
@click.option("--pdf", "to", type=click.Path(dir_okay=False, path_type=Path), help="Also write it as a PDF.")
@MERCHANT
@AS_JSON
@click.pass_obj
def evidence(operator: OperatorContext, chargeback_id: str, to: Path | None, merchant: str, *, as_json: bool) -> None:
    """Show which evidence is there and what is missing.

    \b
    Example: kulanz chargebacks evidence cbk_… --pdf answer.pdf
    """
    with open_desk(operator, merchant) as desk:
        content = pack.assemble(desk.session, desk.keyring, rows.get(desk.session, id_of(rows.PREFIX, chargeback_id)))
    if to is not None:
        to.write_bytes(pdf.render(content, clock.now().date()))
    found: list[dict[str, Any]] = [
        {"piece": part.name, "there": part.present, "files": len(part.document_ids), "missing": part.missing}
        for part in content.parts
    ]
    tell(found, as_json=as_json)


@chargebacks_group.command("submit")
@click.argument("chargeback_id")
@MERCHANT
@AS_JSON
@click.pass_obj
def submit(operator: OperatorContext, chargeback_id: str, merchant: str, *, as_json: bool) -> None:
    """Hand the evidence in at the provider; this can be done once.

    \b
    Example: kulanz chargebacks submit cbk_01m80jtwssevksa7y719cbahm4
    """
    now, id_ = clock.now(), id_of(rows.PREFIX, chargeback_id)
    with open_desk(operator, merchant) as desk:
        content = pack.assemble(desk.session, desk.keyring, rows.get(desk.session, id_))
    made = pdf.render(content, now.date())
    with open_desk(operator, merchant) as desk:
        commands.submit(desk.session, desk.keyring, id_, content, made, By(SYSTEM, now))
    tell({"id": to_public(rows.PREFIX, id_), "state": "SENDING"}, as_json=as_json)


@chargebacks_group.command("accept")
@click.argument("chargeback_id")
@of_merchant
def accept(desk: Desk, *, chargeback_id: str) -> Row:
    """Give a chargeback up; this cannot be undone.

    \b
    Example: kulanz chargebacks accept cbk_01m80jtwssevksa7y719cbahm4
    """
    id_ = id_of(rows.PREFIX, chargeback_id)
    commands.accept(desk.session, desk.keyring, id_, By(SYSTEM, clock.now()))
    return view(rows.get(desk.session, id_))


@chargebacks_group.command("terms")
@click.option("--minutes", type=click.IntRange(0, 600), help="Work on one answer.")
@click.option("--rate", "rate_minor", type=click.IntRange(0, 100_000), help="What an hour of it costs, in minor units.")
@click.option("--fee", "fees", multiple=True, metavar="PROVIDER=MINOR", help="What a provider takes for an answer.")
@of_merchant
def answer_terms(desk: Desk, *, minutes: int | None, rate_minor: int | None, fees: tuple[str, ...]) -> Row:
    """Show or set what answering a chargeback costs you.

    \b
    Example: kulanz chargebacks terms --minutes 20 --rate 5000 --fee stripe=2000
    """
    now = terms.terms_of(desk.session)
    told = Terms(
        minutes=now.minutes if minutes is None else minutes,
        rate_minor=now.rate_minor if rate_minor is None else rate_minor,
        fees={**now.fees, **dict(_fee(each) for each in fees)},
    )
    if told != now:
        terms.set_terms(desk.session, told, SYSTEM, clock.now())
    return asdict(told)


def _fee(told: str) -> tuple[str, int]:
    provider, _, minor = told.partition("=")
    if not provider or not minor.isascii() or not minor.isdigit():
        raise click.BadParameter(f"{told!r} is not PROVIDER=MINOR", param_hint="--fee")
    return provider, int(minor)
