"""What a debtor does on his page: each step is one transaction, counts once, and is told in one sentence."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.documents import File
from gateway.core.errors import Invalid, NotFound
from gateway.core.http import services
from gateway.core.limits import Limit
from gateway.core.money import written_minor
from gateway.core.pages import day, money, say
from gateway.portal.debtor_visit import DebtorVisit
from gateway.portal.pay_forms import chosen
from gateway.receivables import claims, debtor_acts, debtor_words, objections, plans, promises, uploads
from gateway.receivables.changes import ChangeContact
from gateway.receivables.debtor_claims import DebtorClaim
from gateway.receivables.debtor_words import CallWish, Feedback
from gateway.receivables.instalments import NothingOwed, Rhythm
from gateway.receivables.keys import Keys
from gateway.receivables.objections import NewObjection
from gateway.receivables.plans import Wish
from gateway.receivables.promises import Given, Promised
from gateway.shops.identity import normal_email

STEPS = Limit("pay-step", most=40, window_s=86_400)
"""Forms per debtor and day: some write a letter."""
OWED = frozenset({"OPEN", "DUNNING", "INSTALMENTS", "PRECOLLECTION", "DISPUTED"})
FREE = frozenset({"OPEN", "DUNNING", "PRECOLLECTION"})
CALL_DAYS = 2


def split(visit: DebtorVisit, form: Any) -> str:
    wish = wish_of(visit, form)
    with services().db.transaction(visit.link.merchant_id) as session:
        if not _first(session, visit, form, "plan"):
            return already()
        made = plans.agree(session, services().keyring, wish, visit.actor, clock.now(), visit.today)
    first = made.rates[0]
    return say(
        "Agreed: %(count)s instalments, the first of %(amount)s by %(day)s. You get it in writing.",
        count=len(made.rates),
        amount=money(first.amount_minor, made.row.currency),
        day=day(first.due_date),
    )


def promise(visit: DebtorVisit, form: Any) -> str:
    free = _some(visit, FREE | {"INSTALMENTS"})
    minor = written_minor(form.amount.data, free[0].row.currency)
    if minor is None:
        raise Invalid.at("/amount", say("Please write an amount such as 12.50."))
    with services().db.transaction(visit.link.merchant_id) as session:
        if not _first(session, visit, form, "promise"):
            return already()
        given = _given(visit, form, free)
        promised = Promised(form.pay_on.data, minor)
        promises.promise(session, services().keyring, given, promised, clock.now(), visit.today)
    return say("Thank you. You get no reminder before %(day)s.", day=day(form.pay_on.data))


def defer(visit: DebtorVisit, form: Any) -> str:
    free = _some(visit, FREE)
    with services().db.transaction(visit.link.merchant_id) as session:
        if not _first(session, visit, form, "deferral"):
            return already()
        given = _given(visit, form, free)
        promises.defer(session, services().keyring, given, form.until_on.data, clock.now(), visit.today)
    return say("You have time until %(day)s, free of charge. You get it in writing.", day=day(form.until_on.data))


def object_to(visit: DebtorVisit, form: Any) -> str:
    claim = chosen_claim(visit, form)
    amount = (form.amount.data or "").strip()
    minor = written_minor(amount, claim.row.currency) if amount else None
    if amount and minor is None:
        raise Invalid.at("/amount", say("Please write an amount such as 12.50."))
    new = NewObjection(
        claim_id=claim.id,
        category=form.category.data,
        raised_by=visit.actor,
        amount_minor=minor,
        words=form.words.data or "",
        files=files_of(form),
    )
    with services().db.transaction(visit.link.merchant_id) as session:
        if not _first(session, visit, form, "objection"):
            return already()
        row = objections.lodge(session, services().keyring, new, clock.now())
    return say(
        "Your objection has arrived. Nothing is demanded until you get an answer, by %(day)s.", day=day(row.due_on)
    )


def withdraw(visit: DebtorVisit, form: Any, objection_id: UUID) -> str:
    if objection_id not in {one.objection.id for one in visit.claims if one.objection is not None}:
        raise NotFound(thing="objection")
    with services().db.transaction(visit.link.merchant_id) as session:
        if not _first(session, visit, form, "withdrawal"):
            return already()
        objections.withdraw(session, services().keyring, objection_id, visit.actor, clock.now())
    return say("Your objection is taken back.")


def paid(visit: DebtorVisit, form: Any) -> str:
    owed, files = _some(visit, OWED), files_of(form)
    if not files:
        raise Invalid.at("/files", say("Please choose a file."))
    uploads.checked(files)
    with services().db.transaction(visit.link.merchant_id) as session:
        if not _first(session, visit, form, "payment_proof"):
            return already()
        now = clock.now()
        kept = uploads.keep(session, services().keyring, visit.buyer_id, files, "payment_proof", now)
        cause = "document:" + ",".join(str(one) for one in dict.fromkeys(kept))
        given = Given(tuple(one.id for one in owed), visit.actor, cause, form.words.data or "")
        promises.paid_probably(session, services().keyring, given, now, visit.today)
    return say("Thank you. Somebody looks at it; until then you get no reminder.")


def call(visit: DebtorVisit, form: Any) -> str:
    claim = visit.claims[-1]
    wish = CallWish(
        visit.shop.id, visit.buyer_id, claim.row.live, f"asked:{form.act_id}", form.phone.data, form.when.data or ""
    )
    with services().db.transaction(visit.link.merchant_id) as session:
        if not _first(session, visit, form, "call"):
            return already()
        debtor_words.ask_for_call(session, services().keyring, wish, visit.today + timedelta(days=CALL_DAYS))
    return say("Somebody calls you on the next working days.")


def contact(visit: DebtorVisit, form: Any) -> str:
    told = chosen(form, ("line1", "postcode", "city"))
    if told and len(told) < 3:
        raise Invalid.at("/line1", say("Please fill in street, postcode and city."))
    email = (form.email.data or "").strip()
    if email and "@" not in email:
        raise Invalid.at("/email", say("Please check the e-mail address."))
    if not told and not email:
        raise Invalid.at("/email", say("Please fill in what has changed."))
    with services().db.transaction(visit.link.merchant_id) as session:
        if not _first(session, visit, form, "contact"):
            return already()
        for claim in visit.claims:
            new = dict(claim.contact)
            new |= {**told, "line2": "", "country": claim.row.country} if told else {}
            new |= {"email": normal_email(email)} if email else {}
            claims.apply(
                session, Keys(services().keyring), claim.id, ChangeContact(new, actor=visit.actor), clock.now()
            )
    return say("Thank you. The next letter goes to your new address.")


def help_with(visit: DebtorVisit, form: Any) -> str:
    with services().db.transaction(visit.link.merchant_id) as session:
        if not _first(session, visit, form, form.reason.data):
            return already()
        now, keyring = clock.now(), services().keyring
        if form.reason.data == "hardship":
            promises.hardship(session, keyring, _given(visit, form, _some(visit, OWED)), now, visit.today)
        else:
            given = _given(visit, form, _some(visit, OWED | {"COLLECTION"}))
            promises.stop(session, keyring, given, form.reason.data, now, visit.today)
    return say("Thank you for telling us. You get no reminder, and somebody reads what you wrote.")


def feedback(visit: DebtorVisit, form: Any) -> str:
    given = Feedback(visit.buyer_id, int(form.grade.data), form.words.data or "")
    with services().db.transaction(visit.link.merchant_id) as session:
        if not _first(session, visit, form, "feedback"):
            return already()
        debtor_words.give_feedback(session, services().keyring, given, clock.now())
    return say("Thank you for your opinion.")


STEP: Mapping[str, Callable[[DebtorVisit, Any], str]] = {
    "split": split,
    "promise": promise,
    "defer": defer,
    "object": object_to,
    "paid": paid,
    "call": call,
    "contact": contact,
    "help": help_with,
    "feedback": feedback,
}


def wish_of(visit: DebtorVisit, form: Any) -> Wish:
    """The plan a form asks for. Raises Invalid."""
    text = str(form.rates.data or "")
    if not text.isascii() or not text.isdecimal() or len(text) > 4:
        raise Invalid.at("/rates", say("Please choose one."))
    rhythm = Rhythm(form.rhythm.data or "monthly")
    return Wish(tuple(one.id for one in of_first_currency(visit)), int(text), form.first_due.data, rhythm)


def of_first_currency(visit: DebtorVisit) -> list[DebtorClaim]:
    """The claims that can go into one plan."""
    free = _some(visit, FREE)
    return [one for one in free if one.row.currency == free[0].row.currency]


def chosen_claim(visit: DebtorVisit, form: Any) -> DebtorClaim:
    """The claim a form is about; the only one where there is no choice. Raises NotFound for anybody else's."""
    open_ones = objectable(visit)
    if "claim" not in form:
        return open_ones[0]
    for one in open_ones:
        if one.id.hex == form.claim.data:
            return one
    raise NotFound(thing="claim")


def objectable(visit: DebtorVisit) -> list[DebtorClaim]:
    return [one for one in visit.claims if one.row.state in OWED | {"COLLECTION"} and one.objection is None]


def files_of(form: Any) -> tuple[File, ...]:
    """What was uploaded; an empty field sends a nameless nothing."""
    sent = [one for one in form.files.data or () if getattr(one, "filename", "")]
    return tuple(File(one.read(), one.mimetype or "", one.filename or "") for one in sent[: uploads.MOST + 1])


def already() -> str:
    return say("This was sent before and counts once.")


def _given(visit: DebtorVisit, form: Any, about: list[DebtorClaim]) -> Given:
    words = form.words.data if "words" in form else ""
    return Given(tuple(one.id for one in about), visit.actor, f"asked:{form.act_id}", words or "")


def _some(visit: DebtorVisit, states: frozenset[str]) -> list[DebtorClaim]:
    """His claims in these states. Raises NothingOwed."""
    found = [one for one in visit.claims if one.row.state in states]
    if not found:
        raise NothingOwed
    return found


def _first(session: Session, visit: DebtorVisit, form: Any, kind: str) -> bool:
    STEPS.take(services().cache, visit.buyer_id.hex, clock.now().timestamp())
    return debtor_acts.first_time(session, visit.buyer_id, form.act_id, kind, clock.now())
