"""Puts a letter into words: content model → page, in the debtor's language and his country's law (pure)."""

import re

from gateway.receivables import letter_figures, payment_codes
from gateway.receivables.letter_model import ClaimLine, Kind, LetterModel, Outcome, Tone
from gateway.receivables.letter_page import Block, Page, Payment, Row, Section, Table
from gateway.receivables.letter_words import Words

_SHOWS_CLAIMS = frozenset(
    {
        Kind.REMINDER,
        Kind.DUNNING,
        Kind.FINAL,
        Kind.PLAN_LAPSED,
        Kind.RECEIPT,
        Kind.OBJECTION_ANSWER,
        Kind.PAYMENT_NOT_FOUND,
    }
)
_MAY_DISPUTE = frozenset(
    {Kind.PAYMENT_NOT_FOUND, Kind.REMINDER, Kind.DUNNING, Kind.FINAL, Kind.PLAN_LAPSED, Kind.PLAN, Kind.DEFERRAL}
)


_GROUPED = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}")
"""An IBAN or a reference with check digits."""


def compose(model: LetterModel) -> Page:
    """What the letter says from top to bottom."""
    words = Words(model.language, model.recipient.country)
    several = len(model.claims) > 1 and model.kind in _SHOWS_CLAIMS
    return Page(
        language=model.language,
        locale=words.locale,
        country=model.recipient.country,
        title=words.say(f"subject.{model.kind}", what=_named(model, words)),
        sender_line=_sender_line(model),
        sender=_sender_lines(model),
        recipient=_recipient_lines(model, words),
        info=_info(model, words),
        greeting=_greeting(model, words),
        opening=_opening(model, words),
        blocks=_blocks(model, words),
        closing=words.say("closing"),
        signature=model.sender.legal_name,
        footer=_footer(model, words),
        statement=tuple(letter_figures.table(line, model, words, alone=False) for line in model.claims)
        if several
        else (),
        statement_heading=words.say("statement.heading") if several else "",
        link=model.link,
        button=words.say("button" if model.kind.demands else "button_other") if model.link else "",
        pages=words.say("page", page="{page}", pages="{pages}"),
    )


def name_of(line: ClaimLine, words: Words, group: str = "named") -> str:
    """A claim in words: by its invoice, else by its order. `what` stands in a sentence, `named` alone."""
    figures = line.figures
    for thing, number, day in (
        ("invoice", figures.invoice_number, figures.invoice_date),
        ("order", figures.order_number, figures.order_date),
    ):
        if number and day and group == "what":
            return words.say(f"what.{thing}_of", **{thing: number, "date": words.day(day)})
        if number:
            return words.say(f"{group}.{thing}", **{thing: number})
    return words.say(f"{group}.claim")


def _named(model: LetterModel, words: Words, group: str = "named") -> str:
    if len(model.claims) == 1:
        return name_of(model.claims[0], words, group)
    return words.say(f"{group}.several", count=len(model.claims))


def _opening(model: LetterModel, words: Words) -> str:
    key = f"opening.{model.kind}" + (f".{model.answer.outcome}" if model.answer else "")
    if model.tone is Tone.REGULAR and words.has(f"{key}.regular"):
        key += ".regular"
    return words.say(
        key,
        what=_named(model, words, "what"),
        shop=model.shop_name or model.sender.legal_name,
        total=words.money(model.total_minor, model.currency),
        deadline=words.day(model.deadline) if model.deadline else "",
        received=words.money(model.received_minor, model.currency),
        received_on=words.day(model.received_on) if model.received_on else "",
    )


def _blocks(model: LetterModel, words: Words) -> tuple[Block, ...]:
    return (
        *_answer(model, words),
        *_default(model, words),
        *_claims(model, words),
        *_plan(model, words),
        *_remainder(model, words),
        *_payment(model, words),
        *_offer(model, words),
        *_objection(model, words),
        *_bureau(model, words),
        *_handover(model, words),
        *_ends(model, words),
    )


def _answer(model: LetterModel, words: Words) -> list[Block]:
    if model.answer is None or not model.answer.words.strip():
        return []
    paragraphs = tuple(part.strip() for part in model.answer.words.split("\n\n") if part.strip())
    return [Section(words.say("answer_heading"), paragraphs)]


def _default(model: LetterModel, words: Words) -> list[Block]:
    """Since when and why he is in default, or that he comes into it by this letter."""
    if model.kind not in {Kind.DUNNING, Kind.FINAL, Kind.PLAN_LAPSED}:
        return []
    said = tuple(letter_figures.default_of(line, model, words, name_of(line, words)) for line in model.claims)
    sentences = [one for one in said if one]
    if model.creates_default:
        law = words.law("reminder_default")
        sentences.append(words.say("default.by_this" if law else "default.by_this_plain", law=law))
    return [Section("", (" ".join(sentences),))] if sentences else []


def _claims(model: LetterModel, words: Words) -> list[Block]:
    if model.kind not in _SHOWS_CLAIMS:
        return []
    if len(model.claims) == 1:
        return [letter_figures.table(model.claims[0], model, words, alone=True)]
    return [letter_figures.grid(model, words, [name_of(line, words) for line in model.claims])]


def _plan(model: LetterModel, words: Words) -> list[Block]:
    if model.kind is not Kind.PLAN:
        return []
    rows = tuple(
        Row(f"{words.say('plan.due')} {words.short_day(part.due_date)}", words.money(part.amount_minor, model.currency))
        for part in model.instalments
    )
    total = Row(words.say("rows.total"), words.money(model.total_minor, model.currency), strong=True)
    return [Table(words.say("plan.heading"), (*rows, total), (words.say("plan.lapses"),))]


def _remainder(model: LetterModel, words: Words) -> list[Block]:
    """After good news: what is still open, if anything."""
    accepted = model.answer is not None and model.answer.outcome is Outcome.ACCEPTED
    if model.kind not in {Kind.RECEIPT, Kind.REVERSAL} and not accepted:
        return []
    if model.total_minor <= 0:
        return [Section("", (words.say("nothing_open"),))]
    return [Section("", (words.say("still_open", total=words.money(model.total_minor, model.currency)),))]


def _payment(model: LetterModel, words: Words) -> list[Block]:
    if not pays(model):
        return []
    account, currency = model.account, model.currency
    rows = [
        Row(words.say("pay.holder"), account.holder),
        Row(words.say("pay.iban"), grouped(payment_codes.account_number(account, model.reference))),
        *([Row(words.say("pay.bic"), account.bic)] if account.bic and currency == "EUR" else []),
        Row(words.say("pay.amount"), words.money(model.total_minor, currency)),
        Row(words.say("pay.reference"), grouped(model.reference)),
        *([Row(words.say("pay.until"), words.short_day(model.deadline))] if model.deadline else []),
        *([Row(words.say("pay.online"), model.link)] if model.link else []),
    ]
    if model.kind is Kind.PLAN:
        rows = [row for row in rows if row.label != words.say("pay.amount")]
    scans = currency == "EUR" and model.kind is not Kind.PLAN
    caption = words.say("pay.girocode") if scans else ""
    if swiss(model):
        caption = words.say("pay.qr_bill_other")
    return [Payment(words.say("pay.heading"), tuple(rows), caption, scans)]


def pays(model: LetterModel) -> bool:
    """Whether the letter says how to pay."""
    return model.kind is not Kind.OBJECTION_RECEIVED and model.total_minor > 0


def swiss(model: LetterModel) -> bool:
    """Whether it carries a Swiss payment part; a plan names several sums, so it carries none."""
    return (
        pays(model)
        and model.kind is not Kind.PLAN
        and model.currency == "CHF"
        and payment_codes.account_number(model.account, model.reference)[:2] in {"CH", "LI"}
    )


def grouped(text: str) -> str:
    """In fours, as on a bank card; what is no IBAN or reference stays."""
    plain = text.replace(" ", "")
    if plain.isascii() and plain.isdigit() and len(plain) == 27:
        head, rest = plain[:2], plain[2:]
        return " ".join([head, *(rest[i : i + 5] for i in range(0, 25, 5))])
    if not _GROUPED.fullmatch(plain):
        return text
    return " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))


def _offer(model: LetterModel, words: Words) -> list[Block]:
    if model.offer is None or not model.link:
        return []
    least = words.money(model.offer.least_minor, model.currency)
    text = words.say("offer.text", count=model.offer.most_instalments, least=least, link=model.link)
    return [Section(words.say("offer.heading"), (text,))]


def _objection(model: LetterModel, words: Words) -> list[Block]:
    if model.kind not in _MAY_DISPUTE:
        return []
    key = "objection.text" if model.sender.email else "objection.text_no_mail"
    text = words.say(key, link=model.link, email=model.sender.email)
    return [Section(words.say("objection.heading"), (text,))]


def _bureau(model: LetterModel, words: Words) -> list[Block]:
    if (bureau := model.bureau) is None:
        return []
    said = [words.say("bureau.conditions", bureau=bureau.name)] if bureau.says_conditions else []
    said += [words.say("bureau.disputing")] if bureau.says_disputing_stops else []
    return [Section(words.say("bureau.heading"), tuple(said), framed=True)]


def _handover(model: LetterModel, words: Words) -> list[Block]:
    if (handover := model.handover) is None or model.deadline is None:
        return []
    key = "handover.named" if handover.partner else "handover.unnamed"
    said = [words.say(key, partner=handover.partner, deadline=words.day(model.deadline))]
    if handover.expected_costs_minor:
        said.append(words.say("handover.costs", costs=words.money(handover.expected_costs_minor, model.currency)))
    said.append(words.say("handover.objecting"))
    return [Section(words.say("handover.heading"), (" ".join(said),))]


def _ends(model: LetterModel, words: Words) -> list[Block]:
    said = [words.say("ignore")] if model.kind.demands else []
    if model.answer is not None and model.answer.outcome is not Outcome.ACCEPTED:
        said.append(words.say("still_disputed"))
    if contact := " · ".join(part for part in (model.sender.email, model.sender.phone) if part):
        said.append(words.say("contact", contact=contact))
    return [Section("", (" ".join(said),))] if said else []


def _greeting(model: LetterModel, words: Words) -> str:
    name = model.recipient.name.strip()
    return words.say("greeting", name=name) if name else words.say("greeting_nameless")


def _info(model: LetterModel, words: Words) -> tuple[Row, ...]:
    rows = [Row(words.say("letter_number"), model.number)]
    if model.recipient.customer_number:
        rows.append(Row(words.say("customer_number"), model.recipient.customer_number))
    return (*rows, Row(words.say("date"), words.day(model.dated)))


def _sender_line(model: LetterModel) -> str:
    place = model.sender.place
    return " · ".join((model.sender.legal_name, place.street_line, f"{place.postcode} {place.city}"))


def _sender_lines(model: LetterModel) -> tuple[str, ...]:
    sender = model.sender
    lines = (sender.legal_name, sender.place.street_line, sender.place.line2)
    reach = (sender.phone, sender.email, sender.website)
    return tuple(part for part in (*lines, f"{sender.place.postcode} {sender.place.city}", *reach) if part)


def _recipient_lines(model: LetterModel, words: Words) -> tuple[str, ...]:
    recipient = model.recipient
    names = tuple(part for part in (recipient.company, recipient.name) if part)
    if (place := recipient.place) is None:
        return names
    abroad = words.land(place.country) if place.country != model.sender.place.country else ""
    town = f"{place.postcode} {place.city}".strip()
    return tuple(part for part in (*names, place.line2, place.street_line, town, abroad) if part)


def _footer(model: LetterModel, words: Words) -> tuple[str, ...]:
    sender = model.sender
    account = model.account
    lines = (
        ", ".join((sender.legal_name, sender.place.street_line, f"{sender.place.postcode} {sender.place.city}")),
        " · ".join(
            part
            for part in (
                f"{words.say('register')}: {sender.register}" if sender.register else "",
                f"{words.say('vat_id')}: {sender.vat_id}" if sender.vat_id else "",
                f"{words.say('pay.iban')}: {grouped(account.iban)}",
            )
            if part
        ),
    )
    return tuple(line for line in lines if line)
