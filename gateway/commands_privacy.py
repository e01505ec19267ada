"""`kulanz privacy`: what buyers ask for under the GDPR: what is due, copies, objections, corrections, erasures, answers."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import click

from gateway.command_line import SHOP, Desk, Row, id_of, of_merchant
from gateway.core import clock
from gateway.core.ids import to_public
from gateway.core.services import Services
from gateway.merchants import audit
from gateway.privacy import answers, contact, copies, copy_files, finding, reviews, rights
from gateway.privacy.answers import Clerk
from gateway.privacy.reviews import Verdict
from gateway.privacy.rights import Kind, NewRequest, RightsRequest, State, Wanted
from gateway.shops import shops
from gateway.shops.erasure import Objects

SOON = timedelta(days=7)
BUYER = click.argument("buyer")
TEST = click.option("--test", is_flag=True, help="The buyer of test shops.")
LANGUAGE = click.option("--language", type=click.Choice(["de", "en"]), default="de", show_default=True)


class PrivacyContext(Protocol):
    """What these commands take from the command line's context; it opens services on first use."""

    @property
    def services(self) -> Services: ...

    @property
    def objections(self) -> Sequence[Objects]: ...


@click.group()
def privacy() -> None:
    """Rights of buyers: what they ask for, until when it is due, and what came of it.

    BUYER is an e-mail address, a phone number or an id (buy_…).
    """


@privacy.command("list")
@click.option("--due", is_flag=True, help="Only what is late or due within 7 days.")
@click.option("--all", "ended", is_flag=True, help="Answered requests too, the newest first.")
@of_merchant
def list_requests(desk: Desk, *, due: bool, ended: bool) -> list[Row]:
    """List requests by deadline.

    \b
    Example: kulanz privacy list --due
    """
    now = clock.now()
    wanted = Wanted(state=None if ended else State.OPEN, due_before=now + SOON if due else None)
    return [_row(row) for row in rights.list_requests(desk.session, wanted, rights.MAX_PAGE)]


@privacy.command("show")
@click.argument("request_id")
@of_merchant
def show_request(desk: Desk, *, request_id: str) -> Row:
    """Show a request with the buyer's own words.

    \b
    Example: kulanz privacy show rig_01m80jtwssevksa7y719cbahm4
    """
    opened = rights.get(desk.session, desk.keyring, id_of("rig", request_id))
    said = {"text": opened.words.get("text"), **opened.words.get("changes", {}), "answer": opened.answer or None}
    return {**_row(opened.row), "proof": opened.row.proof, "answered_by": opened.row.answered_by, **said}


@privacy.command("export")
@BUYER
@TEST
@LANGUAGE
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), required=True, help="A new ZIP.")
@of_merchant
def export(desk: Desk, *, buyer: str, test: bool, language: str, out: Path) -> Row:
    """Write everything that is known of a buyer (Art. 15 GDPR) into a ZIP: a page, JSON, and his documents.

    \b
    Example: kulanz privacy export ada@example.com --out ada.zip
    """
    if out.exists():
        raise click.UsageError(f"{out} is there already")
    buyer_id = finding.find_buyer(desk.session, desk.keyring, buyer, live=not test)
    copy = copies.copy_of(desk.session, desk.keyring, buyer_id, language, clock.now())
    content = copy_files.as_zip(copy, copies.documents_of(desk.session, desk.keyring, buyer_id))
    out.touch(mode=0o600)
    out.write_bytes(content)
    desk.note("buyer.copied", "buyer", buyer_id)
    counts = {name: len(copy[name]) for name in ("orders", "decisions", "bureau_answers", "list_entries", "requests")}
    return {"id": to_public("buy", buyer_id), **counts, "complete": copy["complete"], "written": str(out)}


@privacy.command("object")
@BUYER
@TEST
@SHOP
@click.option("--end", is_flag=True, help="He takes it back.")
@of_merchant
def object_(desk: Desk, *, buyer: str, test: bool, shop: str, end: bool) -> Row:
    """Store an objection (Art. 21 GDPR): from the next checkout on the buyer is not assessed.

    \b
    Example: kulanz privacy object ada@example.com
    """
    row = _ask(desk, Kind.OBJECTION, _named(desk, buyer, test=test), shop)
    act = answers.end_objection if end else answers.note_objection
    return _row(act(_clerk(desk), row.id, "Art. 21 DSGVO / GDPR"))


@privacy.command("erase")
@click.confirmation_option(prompt="What is sealed for him can never be read again. Erase him?")
@BUYER
@TEST
@SHOP
@of_merchant
def erase(desk: Desk, *, buyer: str, test: bool, shop: str) -> Row:
    """Erase a buyer for good and write to him. Refused, with the date and the reasons, while somebody has to keep him.

    \b
    Example: kulanz privacy erase ada@example.com --yes
    """
    buyer_id, clerk = _named(desk, buyer, test=test), _clerk(desk)
    row = _ask(desk, Kind.ERASURE, buyer_id, shop)
    kept = answers.why_kept(clerk, buyer_id)
    if kept is None:
        return _row(answers.erase(clerk, row.id, "Art. 17 DSGVO / GDPR"))
    reasons, until = "; ".join(kept.facts["reasons"]), kept.facts["until"]
    answers.refuse(clerk, row.id, f"{until or '?'}: {reasons}")
    return {**_row(row), "kept_until": until, "kept_because": reasons}


@privacy.command("correct")
@BUYER
@TEST
@SHOP
@click.option("--set", "changes", multiple=True, required=True, help="field=value, such as phone=+4940123456.")
@of_merchant
def correct(desk: Desk, *, buyer: str, test: bool, shop: str, changes: Sequence[str]) -> Row:
    """Correct what is known of a buyer (Art. 16 GDPR).

    Fields: first_name, last_name, company, vat_id, phone, and line1, line2, postcode, city, country of billing_… and delivery_….

    \b
    Example: kulanz privacy correct ada@example.com --set phone=+494036902346
    """
    pairs = dict(one.split("=", 1) for one in changes if "=" in one)
    if len(pairs) != len(changes):
        raise click.UsageError("--set wants field=value")
    row = _ask(desk, Kind.CORRECTION, _named(desk, buyer, test=test), shop, {"changes": pairs})
    return _row(answers.correct(_clerk(desk), row.id, "Art. 16 DSGVO / GDPR"))


@privacy.command("answer")
@click.argument("request_id")
@click.argument("outcome", type=click.Choice(["upheld", "grant-once", "grant-list", "corrected", "sent", "refused"]))
@click.option("--text", required=True, help="The reason, as the buyer reads it.")
@click.option("--days", type=click.IntRange(1, reviews.MAX_DAYS), default=14, show_default=True, help="Of a grant.")
@of_merchant
def answer(desk: Desk, *, request_id: str, outcome: str, text: str, days: int) -> Row:
    """Answer a request; the buyer is written to.

    \b
    Example: kulanz privacy answer rig_01m80jtwssevksa7y719cbahm4 grant-once --text "Gern auf Rechnung."
    """
    clerk, id_ = _clerk(desk), id_of("rig", request_id)
    if outcome in ("upheld", "grant-once", "grant-list"):
        verdict = Verdict(outcome.removeprefix("grant-").removeprefix("upheld"), text, audit.SYSTEM, days)
        return _row(reviews.decide(desk.session, desk.keyring, id_, verdict, clerk.now))
    if outcome == "corrected":
        return _row(answers.correct(clerk, id_, text))
    if outcome == "refused":
        return _row(answers.refuse(clerk, id_, text))
    row = rights.locked(desk.session, id_)
    return _row(clerk.end(row, outcome, text, clerk.reach(row)))


def _named(desk: Desk, buyer: str, *, test: bool) -> UUID:
    return finding.find_buyer(desk.session, desk.keyring, buyer, live=not test)


def _ask(desk: Desk, kind: Kind, buyer_id: UUID, shop: str, words: dict[str, Any] | None = None) -> RightsRequest:
    """A request that the operator brings in; the merchant vouches for who it is."""
    facts = shops.get(desk.session, desk.shop(shop))
    reached = contact.find(desk.session, desk.keyring, buyer_id)
    new = NewRequest(
        kind,
        facts.id,
        buyer_id,
        facts.live,
        audit.SYSTEM,
        "merchant",
        language=reached.language or facts.language,
        words=words or {},
    )
    return rights.ask(desk.session, desk.keyring, new, clock.now())


def _clerk(desk: Desk) -> Clerk:
    context: PrivacyContext = click.get_current_context().obj
    return Clerk(desk.session, desk.services, audit.SYSTEM, clock.now(), context.objections)


def _row(row: RightsRequest) -> dict[str, Any]:
    return {
        "id": to_public("rig", row.id),
        "kind": row.kind,
        "state": row.state,
        "live": row.live,
        "asked": row.asked_at,
        "due": row.due_at,
        "outcome": row.outcome,
        "buyer": to_public("buy", row.buyer_id) if row.buyer_id else None,
        "decision": to_public("dec", row.decision_id) if row.decision_id else None,
    }
