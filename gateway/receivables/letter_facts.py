"""What a letter is made from: reads it with its claims, the order, the buyer's key and the sender, and asks the law."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.crypto import unseal
from gateway.core.db import merchant_of
from gateway.core.errors import GatewayError
from gateway.core.ids import to_public
from gateway.law import calendars, fees, interest
from gateway.law.interest import Terms
from gateway.law.tables import Tables
from gateway.merchants import secrets, senders
from gateway.merchants.senders import Profile
from gateway.receivables import debtor_links, letters, pay_accounts
from gateway.receivables.agreement_limits import AgreementLimits
from gateway.receivables.agreement_models import Instalment as InstalmentRow
from gateway.receivables.agreement_models import Objection
from gateway.receivables.agreements import limits_of
from gateway.receivables.contacts import contact_of
from gateway.receivables.figures import LetterFigures
from gateway.receivables.instalments import MIN_RATES
from gateway.receivables.keys import Keys
from gateway.receivables.letter_check import Finding, LetterFacts, StatutoryRate
from gateway.receivables.letter_model import (
    Account,
    Answer,
    BureauNotice,
    Channel,
    ClaimLine,
    HandoverNotice,
    Instalment,
    Kind,
    Language,
    LetterModel,
    Offer,
    Outcome,
    Place,
    Recipient,
    Sender,
    Tone,
)
from gateway.receivables.letter_models import Letter, LetterClaim
from gateway.receivables.models import Claim, ClaimPayment
from gateway.receivables.payment_codes import reference_for
from gateway.shops import shops
from gateway.shops.details import open_details
from gateway.shops.models import Order

NO_SENDER = Finding("missing", "/sender", "tell who your letters come from before one can leave (sender profile)")
_AGREED_FEE_MINOR = 10_000
"""Switzerland: what the contract names to the cent is owed; the proof is the agreement."""
_REAL = ("DE", "AT")


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything to lay a letter out and to judge it."""

    model: LetterModel
    facts: LetterFacts
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Source:
    """The rows of one letter."""

    letter: Letter
    lines: tuple[LetterClaim, ...]
    claims: Mapping[UUID, Claim]
    told: Mapping[UUID, dict[str, Any]] = field(repr=False)
    """Claim → what its order told."""
    contact: Mapping[str, Any] = field(repr=False)

    @property
    def first(self) -> Claim:
        return self.claims[self.lines[0].claim_id]

    @property
    def newest(self) -> dict[str, Any]:
        return next((told for told in reversed(list(self.told.values())) if told), {})


def kind_of(letter: Letter) -> Kind:
    """What its words are for: where the shop or a person tells the debtor, those of a friendly reminder."""
    return Kind(letter.kind) if letter.kind in set(Kind) else Kind.REMINDER


def gather(session: Session, keys: Keys, letter: Letter, public_url: str, tables: Tables) -> Gathered | None:
    """Raises BuyerErased; None while the merchant has told no sender."""
    profile = senders.find(session, keys.keyring)
    if profile is None:
        return None
    key = keys.of(session, letter.buyer_id)
    source = _source(session, letter, key)
    model = _model(session, keys, source, profile, public_url, key)
    return Gathered(model, _facts(source, model, tables), key)


def _source(session: Session, letter: Letter, key: bytes) -> _Source:
    lines = letters.claims_of(session, letter.id)
    mine = Claim.merchant_id == merchant_of(session), Claim.id.in_([line.claim_id for line in lines])
    claims = {claim.id: claim for claim in session.scalars(select(Claim).where(*mine))}
    told = _orders(session, [claims[line.claim_id] for line in lines], key)
    return _Source(letter, tuple(lines), claims, told, _contact(claims, told, key))


def _orders(session: Session, claims: Sequence[Claim], key: bytes) -> dict[UUID, dict[str, Any]]:
    ids = [claim.order_id for claim in claims if claim.order_id]
    mine = Order.merchant_id == merchant_of(session), Order.id.in_(ids)
    sealed = {
        row.id: row.details_sealed for row in session.execute(select(Order.id, Order.details_sealed).where(*mine))
    }
    return {
        claim.id: open_details(key, claim.order_id, sealed.get(claim.order_id)) if claim.order_id else {}
        for claim in claims
    }


def _contact(claims: Mapping[UUID, Claim], told: Mapping[UUID, dict[str, Any]], key: bytes) -> dict[str, Any]:
    """The newest address or e-mail that was told after the order, where it is about all of these claims.

    Anybody can type somebody's mailbox into a checkout: who then changes the address of his own claim changes nobody else's.
    """
    newer = {id_: contact_of(claim, key) for id_, claim in claims.items()}
    found: dict[str, Any] = {}
    for claim in sorted(claims.values(), key=lambda one: one.updated_at):
        others = (other for other in claims if other != claim.id and newer[other] != newer[claim.id])
        if newer[claim.id] and all(_same_home(told.get(claim.id, {}), told.get(other, {})) for other in others):
            found |= newer[claim.id]
    return found


def _same_home(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Two orders share a postcode; what had no order is known to the shop only."""
    return not one or not other or bool(_postcodes(one) & _postcodes(other))


def _postcodes(told: Mapping[str, Any]) -> set[str]:
    parts = (told.get("billing") or {}, told.get("delivery") or {})
    return {code.replace(" ", "").casefold() for part in parts if (code := str(part.get("postcode") or ""))}


def _homes_differ(source: _Source) -> bool:
    """Whether the letter would go to one place about orders of another."""
    homes = [told for told in source.told.values() if told]
    return not source.contact.get("line1") and any(not _same_home(homes[0], other) for other in homes[1:])


def _model(session: Session, keys: Keys, source: _Source, profile: Profile, public_url: str, key: bytes) -> LetterModel:
    letter, kind, extra = source.letter, kind_of(source.letter), dict(source.letter.extra or {})
    total_minor = sum(line.total_minor for line in source.lines)
    index_key = secrets.get_key(session, keys.keyring, "index")
    sender = _sender(profile)
    return LetterModel(
        kind=kind,
        language=Language(letter.language),
        tone=_tone(session, source),
        channel=Channel(letter.channel),
        sender=sender,
        recipient=_recipient(source),
        claims=tuple(_line(source, line) for line in source.lines),
        number=to_public("ltr", letter.id),
        dated=letter.day,
        total_minor=total_minor,
        deadline=letter.deadline,
        reference=_reference(source.first, sender),
        link=debtor_links.link(public_url, index_key, letter.merchant_id, letter.buyer_id, letter.drafted_at),
        shop_name=shops.get(session, letter.shop_id).name,
        offer=_offer(source, kind, extra, limits_of(session, letter.shop_id), total_minor),
        bureau=_bureau(source, profile, kind, extra),
        handover=_handover(profile, kind, extra),
        instalments=_instalments(session, extra),
        answer=_answer(session, key, kind, extra),
        **_payment(session, extra),
    )


def _tone(session: Session, source: _Source) -> Tone:
    """Somebody who has paid an order before is spoken to as such, unless the policy wants to be firm."""
    if source.letter.tone == "firm":
        return Tone.NEW
    mine = Order.merchant_id == merchant_of(session), Order.buyer_id == source.letter.buyer_id
    here = [claim.order_id for claim in source.claims.values() if claim.order_id]
    paid = select(Order.id).where(*mine, Order.paid_at.is_not(None), Order.id.not_in(here)).limit(1)
    return Tone.REGULAR if session.scalar(paid) else Tone.NEW


def _line(source: _Source, line: LetterClaim) -> ClaimLine:
    items = source.told.get(line.claim_id, {}).get("items") or []
    goods = tuple(
        f"{item.get('quantity', 1)} × {item.get('name') or item.get('sku') or ''}".strip(" ×") for item in items
    )
    return ClaimLine(LetterFigures.from_dict(line.figures), tuple(one for one in goods if one))


def _sender(profile: Profile) -> Sender:
    return Sender(
        profile.legal_name,
        pay_accounts.place_of(profile),
        Account(profile.account_holder, profile.iban, profile.bic),
        profile.register,
        profile.vat_id,
        profile.email,
        profile.phone,
        profile.website,
        pay_accounts.swiss_of(profile),
    )


def _recipient(source: _Source) -> Recipient:
    told, contact, claim = source.newest, source.contact, source.first
    buyer = {**(told.get("buyer") or {}), **contact}
    address = {**(told.get("billing") or told.get("delivery") or {}), **contact}
    name = " ".join(part for part in (buyer.get("first_name"), buyer.get("last_name")) if part)
    street = address.get("line1") or ""
    place = Place(
        street, address.get("postcode") or "", address.get("city") or "", address.get("country") or claim.country
    )
    return Recipient(
        name=name or address.get("name") or "",
        place=Place(place.street, place.postcode, place.city, place.country, "", address.get("line2") or "")
        if street
        else None,
        country=claim.country,
        consumer=claim.debtor == "consumer",
        company=buyer.get("company") or address.get("company") or "",
        email=(buyer.get("email") or "").strip(),
        customer_number=buyer.get("customer_reference") or "",
        language=claim.language,
    )


def _reference(claim: Claim, sender: Sender) -> str:
    """The oldest claim's, as the account wants it."""
    return reference_for(claim.currency, claim.reference, sender.swiss_account or sender.account)


def _offer(
    source: _Source, kind: Kind, extra: Mapping[str, Any], limits: AgreementLimits, total_minor: int
) -> Offer | None:
    """Instalments where the policy's step offers them: as many as the debtor's page would agree to, none below two.

    Not to a consumer before default: there they would be consumer credit, and his page refuses them.
    """
    if kind is Kind.REMINDER and any(
        one.debtor == "consumer" and not one.default_from for one in source.claims.values()
    ):
        return None
    offers = "instalments" in extra.get("offers", ()) or "plan" in extra.get("offers", ())
    told = extra.get("offer", {})
    least = max(limits.min_rate_minor, int(told.get("least_minor", 0)))
    most = min(limits.max_rates, int(told.get("most_instalments", limits.max_rates)), total_minor // least)
    return Offer(most, least) if kind.demands and (offers or told) and most >= MIN_RATES else None


def _bureau(source: _Source, profile: Profile, kind: Kind, extra: Mapping[str, Any]) -> BureauNotice | None:
    """In the last letter where the merchant works with a bureau, in an earlier one where the policy says so."""
    wanted = extra.get("bureau_notice", kind is Kind.FINAL)
    return (
        BureauNotice(profile.bureau, says_conditions=True, says_disputing_stops=True)
        if wanted and profile.bureau and source.first.country == "DE"
        else None
    )


def _handover(profile: Profile, kind: Kind, extra: Mapping[str, Any]) -> HandoverNotice | None:
    if not extra.get("handover_notice", kind is Kind.FINAL):
        return None
    costs_minor = extra.get("expected_costs_minor")
    return HandoverNotice(profile.partner, int(costs_minor) if costs_minor else None)


def _instalments(session: Session, extra: Mapping[str, Any]) -> tuple[Instalment, ...]:
    if not extra.get("plan_id"):
        return ()
    mine = InstalmentRow.merchant_id == merchant_of(session), InstalmentRow.plan_id == UUID(str(extra["plan_id"]))
    rows = session.scalars(select(InstalmentRow).where(*mine).order_by(InstalmentRow.number))
    return tuple(Instalment(row.due_date, row.amount_minor) for row in rows)


def _answer(session: Session, key: bytes, kind: Kind, extra: Mapping[str, Any]) -> Answer | None:
    if kind is not Kind.OBJECTION_ANSWER or not extra.get("objection_id"):
        return None
    row = session.get(Objection, (merchant_of(session), UUID(str(extra["objection_id"]))))
    if row is None:
        return None
    words = unseal(key, row.answer_sealed, f"objection.answer:{row.id}").decode() if row.answer_sealed else ""
    partly = row.credit_minor is not None or row.finding == "partly"
    accepted = Outcome.PARTLY if partly else Outcome.ACCEPTED
    return Answer(accepted if row.state == "ACCEPTED" else Outcome.REJECTED, words)


def _payment(session: Session, extra: Mapping[str, Any]) -> dict[str, Any]:
    if not extra.get("payment_id"):
        return {}
    row = session.get(ClaimPayment, (merchant_of(session), UUID(str(extra["payment_id"]))))
    return {} if row is None else {"received_minor": row.amount_minor, "received_on": row.paid_on}


def _facts(source: _Source, model: LetterModel, tables: Tables) -> LetterFacts:
    claim = source.first
    return LetterFacts(
        rates=tuple(rate for line in model.claims for rate in _rates(source, line.figures, tables)),
        fee_cap_minor=_cap(claim.country, model.dated, tables),
        homes_differ=_homes_differ(source),
        lump_sums_minor=tuple({_lump_sum(one, tables) for one in source.claims.values()}),
        days_off=frozenset({model.deadline}) if model.deadline and _off(claim, model.deadline, tables) else frozenset(),
    )


def _rates(source: _Source, figures: LetterFigures, tables: Tables) -> list[StatutoryRate]:
    if not figures.interest:
        return []
    claim, first, last = source.first, figures.interest[0].from_date, figures.interest[-1].to_date
    try:
        terms = Terms(claim.country, claim.debtor, claim.currency, claim.contract_date)
        found = interest.source(terms, first, tables)
        stretches = list(tables.over(found.table, found.key, first, last))
    except GatewayError:
        return []
    return [StatutoryRate(start, end, row.number + found.points) for start, end, row in stretches]


def _cap(country: str, day: date, tables: Tables) -> int:
    if country == "CH":
        return _AGREED_FEE_MINOR
    row = tables.find("dunning-fee", f"{country}/most", day) if country in _REAL else None
    return row.minor if row else 0


def _lump_sum(claim: Claim, tables: Tables) -> int:
    return fees.lump_sum(claim.country, claim.debtor, claim.contract_date, tables)


def _off(claim: Claim, day: date, tables: Tables) -> bool:
    try:
        return not calendars.is_working_day(claim.country, claim.region or None, day, tables)
    except GatewayError:
        return day.weekday() >= 5
