"""Says whether a letter may leave: every rule a debtor's lawyer would look at, as a finding with its place (pure).

A letter with findings never leaves. Sources are those of `law/`: BGB §§ 286, 288, 193; OLG München and AG Brandenburg on
dunning costs; BGH I ZR 157/13 on notices about bureaus; § 4a UWG on pressure. What an Austrian or Swiss court would ask
beyond them is in the figures the law tables give (rates, caps).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain

from gateway.receivables.figures import Cost, CostKind, DefaultGround, LetterFigures
from gateway.receivables.letter_model import Channel, Kind, LetterModel
from gateway.receivables.letter_words import SPOKEN, laws

MIN_DAYS = {Channel.EMAIL: 7, Channel.CALLBACK: 7, Channel.CALL: 7, Channel.POST: 10}
"""Days from the letter to its deadline at least; paper is three days on the way."""
_FEES = frozenset({CostKind.DUNNING, CostKind.LUMP_SUM, CostKind.OTHER})
"""Costs that need a default; what a bank took for a returned debit does not."""
_ESCALATES = frozenset({Kind.DUNNING, Kind.FINAL})
_NEEDS_PROOF = frozenset({DefaultGround.AGREED_DATE, DefaultGround.AFTER_EVENT, DefaultGround.SPECIAL_REASON})
_THREATS = re.compile(
    r"strafanzeige|strafrechtlich|\banzeige\b|gef[äa]ngnis|\bhaft\b|polizei|pf[äa]nd|gerichtsvollzieher|vollstreck|arbeitgeber|nachbar"
    r"|prosecut|criminal|police|\bjail|\bprison|bailiff|seiz|your employer|neighbou?r"
    r"|p[ée]nal|police|prison|huissier|saisie|employeur|voisin"
    r"|penale|polizia|prigione|ufficiale giudiziario|pignora|datore di lavoro|vicin[oi] di casa",
    re.IGNORECASE,
)
"""Words of pressure (§ 4a UWG) in what the merchant wrote himself."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where in the letter, in words for the merchant."""

    code: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class StatutoryRate:
    """The highest rate the law gives for this debtor from one day to another (both count)."""

    from_date: date
    to_date: date
    percent: Decimal


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """What the law says for this debtor, as far as the letter needs it."""

    rates: tuple[StatutoryRate, ...] = ()
    fee_cap_minor: int = 0
    """Highest cost of one letter."""
    lump_sums_minor: tuple[int, ...] = ()
    """What the debtor owes at once for a claim of this letter, by the law of its day."""
    days_off: frozenset[date] = field(default_factory=frozenset)
    """Public holidays at the debtor's place."""
    homes_differ: bool = False
    """Its claims' orders went to different places and no newer address was told for all of them."""
    min_days: int | None = None
    """Where the policy wants more than `MIN_DAYS`."""


def unlawful(model: LetterModel, facts: LetterFacts) -> list[Finding]:
    """Why this letter must not leave; nothing when it may."""
    return list(chain.from_iterable(rule(model, facts) for rule in _RULES))


def _named(model: LetterModel, _: LetterFacts) -> Iterator[Finding]:
    """Who writes, and who is written to."""
    sender, recipient = model.sender, model.recipient
    wanted: list[tuple[bool, str, str]] = [
        (bool(sender.legal_name), "/sender/legal_name", "the sender's full legal name"),
        (bool(sender.place.street and sender.place.postcode and sender.place.city), "/sender/address", "his address"),
        (bool(sender.email or sender.phone), "/sender/contact", "an e-mail address or phone number for questions"),
        (bool(recipient.name or recipient.company), "/recipient/name", "the debtor's name"),
        (bool(model.claims), "/claims", "the claim"),
    ]
    if model.channel is Channel.POST:
        wanted.append((recipient.place is not None, "/recipient/address", "the debtor's address"))
    if model.channel is Channel.EMAIL:
        wanted.append((bool(recipient.email), "/recipient/email", "the debtor's e-mail address"))
    yield from _missing(wanted)


def _one_home(model: LetterModel, facts: LetterFacts) -> Iterator[Finding]:
    """Whoever ordered under somebody's e-mail address must not get his letters home."""
    if facts.homes_differ and model.channel is Channel.POST:
        yield Finding(
            "homes-differ", "/recipient/address", "its orders went to different places: tell the claims one address"
        )


def _told(model: LetterModel, _: LetterFacts) -> Iterator[Finding]:
    """Each claim says what it is for."""
    for path, figures, goods in _each(model):
        known = bool(figures.invoice_number or figures.order_number)
        wanted = [(known, f"{path}/invoice_number", "the number of the invoice or order")]
        if model.kind.demands:
            wanted += [
                (bool(goods), f"{path}/goods", "the goods in words"),
                (bool(figures.order_date or figures.invoice_date), f"{path}/order_date", "the day of order or invoice"),
            ]
        if model.kind in _ESCALATES:
            wanted.append((figures.delivery_date is not None, f"{path}/delivery_date", "the day of delivery"))
        yield from _missing(wanted)


def _payable(model: LetterModel, _: LetterFacts) -> Iterator[Finding]:
    """A demand says how to pay and how to object."""
    if not model.kind.demands:
        return
    account = model.account
    yield from _missing(
        [
            (bool(account.iban and account.holder), "/sender/account", "the account to pay to"),
            (bool(model.reference), "/reference", "the payment reference"),
            (bool(model.link), "/link", "the page on which to pay or to object"),
        ]
    )


def _owed(model: LetterModel, _: LetterFacts) -> Iterator[Finding]:
    """Nothing is demanded that is not owed, and nothing that is disputed."""
    if not model.kind.demands:
        return
    if model.total_minor <= 0:
        yield Finding("nothing-open", "/total_minor", "nothing is open that could be demanded")
    for path, figures, _goods in _each(model):
        if figures.disputed:
            yield Finding("claim-disputed", path, "the debtor disputes this claim: it must not be demanded meanwhile")
        if figures.due_date >= model.dated:
            yield Finding("not-due", f"{path}/due_date", "the claim is not yet due")


def _sums(model: LetterModel, _: LetterFacts) -> Iterator[Finding]:
    """What is demanded adds up, in one currency."""
    if len({line.figures.currency for line in model.claims}) > 1:
        yield Finding("currencies-mixed", "/claims", "one letter demands one currency")
    for path, figures, _goods in _each(model):
        if not figures.adds_up:
            yield Finding("does-not-add-up", path, "what was owed less what came in is not what is open")
    if model.claims and sum(line.figures.total_minor for line in model.claims) != model.total_minor:
        yield Finding("total-does-not-add-up", "/total_minor", "the total is not the sum of the claims")
    parts = sum(part.amount_minor for part in model.instalments)
    if model.kind is Kind.PLAN and parts != model.total_minor:
        yield Finding(
            "plan-does-not-add-up", "/instalments", "the instalments are not the sum that is owed: a plan is free"
        )


def _in_time(model: LetterModel, facts: LetterFacts) -> Iterator[Finding]:
    """The deadline of a demand is a working day far enough away; a deferral's is the debtor's own choice."""
    if model.deadline is None and (model.kind.demands or model.kind is Kind.DEFERRAL):
        yield Finding("deadline-missing", "/deadline", "the letter needs a day until which to pay")
    if model.deadline is None or not model.kind.demands:
        return
    least = facts.min_days or MIN_DAYS[model.channel]
    if model.deadline < model.dated + timedelta(days=least):
        yield Finding("deadline-too-short", "/deadline", f"the deadline must be {least} days away at least")
    if model.deadline.weekday() >= 5 or model.deadline in facts.days_off:
        yield Finding("deadline-no-working-day", "/deadline", "the deadline is a Saturday, Sunday or public holiday")


def _grounded(model: LetterModel, _: LetterFacts) -> Iterator[Finding]:
    """A default has a ground that holds; the last letter needs one."""
    for path, figures, _goods in _each(model):
        default = figures.default
        if default is None:
            if model.kind is Kind.FINAL:
                yield Finding("default-missing", f"{path}/default", "the last letter needs a debtor in default")
            continue
        unproven = default.ground in _NEEDS_PROOF and not default.agreed_in
        if default.ground is DefaultGround.INVOICE_30_DAYS and model.recipient.consumer and not default.agreed_in:
            unproven = True
        if unproven:
            yield Finding(
                "default-without-ground", f"{path}/default", "say where the date, period or notice was agreed"
            )
        if default.ground is DefaultGround.REMINDER and not set(figures.steps) & {Kind.DUNNING, Kind.FINAL}:
            yield Finding(
                "default-without-letter", f"{path}/default", "no dunning letter has left that could have caused it"
            )
        if default.since <= figures.due_date:
            yield Finding(
                "default-before-due", f"{path}/default", "nobody is in default before the day after the due date"
            )


def _costs(model: LetterModel, facts: LetterFacts) -> Iterator[Finding]:
    """Costs only after default, only what was spent, never more than the law lets."""
    for path, figures, _goods in _each(model):
        for number, cost in enumerate(figures.costs):
            yield from _cost(model, facts, figures, cost, f"{path}/costs/{number}")
        if sum(cost.kind is CostKind.LUMP_SUM for cost in figures.costs) > 1:
            yield Finding("lump-sum-twice", f"{path}/costs", "the lump sum is owed once per claim")


def _cost(model: LetterModel, facts: LetterFacts, figures: LetterFigures, cost: Cost, path: str) -> Iterator[Finding]:
    if cost.kind in _FEES and (figures.default is None or cost.incurred_on < figures.default.since):
        yield Finding("cost-before-default", path, "a letter that creates default, and all before it, is free")
    if cost.kind in _FEES and model.kind is Kind.REMINDER:
        yield Finding("cost-in-reminder", path, "a friendly reminder demands no costs")
    if cost.kind is CostKind.LUMP_SUM:
        yield from _lump_sum(model, facts, cost, path)
        return
    if not cost.cause.strip():
        yield Finding("cost-without-cause", path, "say what the cost was spent on")
    if cost.proven_minor is None or cost.amount_minor > cost.proven_minor:
        yield Finding("cost-not-proven", path, "only costs shown by a proof may be demanded, and not more than that")
    if cost.kind is CostKind.DUNNING and cost.amount_minor > facts.fee_cap_minor:
        yield Finding("cost-above-cap", path, "courts accept no more for a letter")
    if cost.kind is CostKind.DUNNING and model.channel is not Channel.POST and cost.incurred_on >= model.dated:
        yield Finding("fee-without-paper", path, "a letter that is not on paper costs nothing")


def _lump_sum(model: LetterModel, facts: LetterFacts, cost: Cost, path: str) -> Iterator[Finding]:
    if model.recipient.consumer:
        yield Finding("lump-sum-to-consumer", path, "a consumer owes no lump sum (§ 288 (5) BGB)")
    if "lump_sum" not in laws().get(model.recipient.country, {}) or cost.amount_minor not in facts.lump_sums_minor:
        yield Finding("lump-sum-unknown", path, "the law of this debtor's country names no such lump sum")


def _interest(model: LetterModel, facts: LetterFacts) -> Iterator[Finding]:
    """Interest only from default on, at no more than the statutory rate, never on more than was open."""
    for path, figures, _goods in _each(model):
        if figures.interest and figures.interest_minor is not None and model.kind is Kind.REMINDER:
            yield Finding("interest-in-reminder", f"{path}/interest", "a friendly reminder demands no interest")
        for number, span in enumerate(figures.interest):
            where = f"{path}/interest/{number}"
            if figures.default is None or span.from_date < figures.default.since:
                yield Finding("interest-before-default", where, "interest begins with the default")
            if span.base_minor > figures.principal_minor:
                yield Finding(
                    "interest-base-too-high", where, "interest is owed on the principal, not on interest or costs"
                )
            yield from _rate(facts, span.from_date, span.to_date, span.rate_percent, where)


def _rate(facts: LetterFacts, start: date, end: date, percent: Decimal, path: str) -> Iterator[Finding]:
    touching = [rate for rate in facts.rates if rate.from_date <= end and rate.to_date >= start]
    covered = sum((min(rate.to_date, end) - max(rate.from_date, start)).days + 1 for rate in touching)
    if covered < (end - start).days + 1:
        yield Finding("rate-unknown", path, "the table of rates does not cover these days: reserve the interest")
    elif percent > min(rate.percent for rate in touching):
        yield Finding("rate-above-statutory", path, "the rate is above the statutory one for this debtor")


def _bureau(model: LetterModel, _: LetterFacts) -> Iterator[Finding]:
    """The notice about a bureau: not in the first letter, with its conditions, never for a disputed claim."""
    if (bureau := model.bureau) is None:
        return
    if model.recipient.country != "DE":
        yield Finding("bureau-law-unknown", "/bureau", "the conditions of reporting are known for Germany only")
    if model.kind not in _ESCALATES:
        yield Finding("bureau-too-early", "/bureau", "the notice may stand in a dunning letter at the earliest")
    if not bureau.name or not bureau.says_conditions:
        yield Finding("bureau-without-conditions", "/bureau", "name the bureau and when a claim may be reported")
    if not bureau.says_disputing_stops:
        yield Finding("bureau-hides-dispute", "/bureau", "say that disputing alone stops the report (BGH I ZR 157/13)")
    if any(line.figures.disputed for line in model.claims):
        yield Finding("bureau-disputed", "/bureau", "a disputed claim is reported to nobody")


def _handover(model: LetterModel, _: LetterFacts) -> Iterator[Finding]:
    """The notice of a handover is for the last letter, and no threat."""
    if model.handover is not None and model.kind is not Kind.FINAL:
        yield Finding("handover-too-early", "/handover", "only the last letter announces a handover")
    if model.handover is not None and (model.handover.expected_costs_minor or 0) > max(model.total_minor, 10_000):
        yield Finding("handover-threat", "/handover", "costs above the claim itself are no realistic expectation")
    if model.answer is not None and _THREATS.search(model.answer.words):
        yield Finding("threat", "/answer/words", "no threats with police, prison, bailiffs, employers or neighbours")


def _country(model: LetterModel, _: LetterFacts) -> Iterator[Finding]:
    """The debtor's language, and no law we do not know."""
    country, language = model.recipient.country, model.language
    spoken = SPOKEN.get(country, ())
    if spoken and language not in spoken and language not in {"en", model.recipient.language}:
        yield Finding("language-mismatch", "/language", f"in {country} nobody can be expected to read {language}")
    charged = any(line.figures.interest or _fees(line.figures) for line in model.claims)
    if charged and country not in laws():
        yield Finding(
            "law-unknown", "/recipient/country", f"interest and costs of {country} are not known: demand the principal"
        )


def _fees(figures: LetterFigures) -> list[Cost]:
    return [cost for cost in figures.costs if cost.kind in _FEES]


def _each(model: LetterModel) -> Iterator[tuple[str, LetterFigures, tuple[str, ...]]]:
    for number, line in enumerate(model.claims):
        yield f"/claims/{number}", line.figures, line.goods


def _missing(wanted: list[tuple[bool, str, str]]) -> Iterator[Finding]:
    for there, path, what in wanted:
        if not there:
            yield Finding("missing", path, f"the letter lacks {what}")


Rule = Callable[[LetterModel, LetterFacts], Iterator[Finding]]
_RULES: tuple[Rule, ...] = (
    _named,
    _one_home,
    _told,
    _payable,
    _owed,
    _sums,
    _in_time,
    _grounded,
    _costs,
    _interest,
    _bureau,
    _handover,
    _country,
)
