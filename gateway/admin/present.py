"""How the desk says things: facts with label and unit, codes in words, in the language of the page."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from gateway.admin import chargeback_words, words
from gateway.chargebacks.words import CATEGORIES
from gateway.checkout.explain import group_of
from gateway.checkout.methods import KINDS
from gateway.core.clock import local_date
from gateway.core.errors import GatewayError
from gateway.core.ids import to_public
from gateway.core.pages import TIMEZONE, language, money, say
from gateway.risk.facts import CATALOGUE


def kind_label(kind: str) -> str:
    """Our kind of payment method in words; a kind this version does not know is shown as it is."""
    known = KINDS.get(kind)
    if known is None:
        return kind
    label = known.label_de if language() == "de" else known.label_en
    return label[:1].upper() + label[1:]


def fact_label(name: str) -> str:
    """A fact of the catalogue in words."""
    known = CATALOGUE.get(name)
    if known is None:
        return name
    label = known.label_de if language() == "de" else known.label_en
    return label[:1].upper() + label[1:]


def fact_value(name: str, value: Any, currency: str) -> str:
    """A fact's value with its unit."""
    known = CATALOGUE.get(name)
    if value is None or known is None:
        return "–" if value is None else str(value)
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if name == "listed":
        return _words(words.LISTED, str(value))
    return _with_unit(value, known.unit, currency)


def _with_unit(value: Any, unit: str, currency: str) -> str:
    if unit == "minor units":
        return money(int(value), currency)
    if unit == "%":
        return f"{value} %"
    if unit == "days":
        return say("%(days)s days", days=value)
    if unit == "hour":
        return say("%(hour)s:00", hour=value)
    return str(value)


def outcome_label(outcome: str) -> str:
    """`allow`, `review`, `decline` in words."""
    return _words(words.OUTCOMES, outcome)


_OF_LINES = frozenset(
    ["items", "pieces", "dearest_minor", "most_of_one", "gift_card_percent", "digital_percent", "discount_percent"]
)
_WITHOUT_PROFILING = _OF_LINES | {"country", "b2b", "listed", "shop_open_minor"}
"""What `risk/gather` tells of a buyer who objects to being assessed."""


def missing_reason(name: str, missing: Mapping[str, str]) -> str:
    """Why a fact is not known, in words. `missing` is what the decision recorded, by group."""
    if "profiling" in missing and name not in _WITHOUT_PROFILING:
        return say("the buyer objected to being assessed")
    if name in _OF_LINES:
        return say("no lines were sent")
    if name == "shop_open_minor":
        return say("no policy has a ceiling for the shop")
    if name == "shop_decline_surge":
        return say("the counters did not answer")
    return _missing_of_group(group_of(name), missing)


def _missing_of_group(group: str, missing: Mapping[str, str]) -> str:
    if group == "history":
        return say("neither e-mail nor phone was sent") if "history" in missing else say("nothing to tell it from")
    if group == "velocity":
        return say("the counters did not answer") if "velocity" in missing else say("the shop did not send it")
    if group == "bureau":
        known = missing.get("bureau", "").startswith("the bureau")
        return say("the bureau does not know this person") if known else say("no answer of a bureau is on record")
    return say("not on a list") if group == "lists" else say("the shop did not send it")


def _words(table: Mapping[str, tuple[str, str]], code: str) -> str:
    """The (German, English) words of a code; an unknown code is shown as it is."""
    german, english = table.get(code, (code, code))
    return german if language() == "de" else english


def answer_label(answer: str) -> str:
    """The answer to a buyer's choice in words."""
    return _words(words.ANSWERS, answer)


def state_label(state: str) -> str:
    """Fulfilment of an order in words."""
    return _words(words.STATES, state)


def letter_state(state: str) -> str:
    """Where a letter stands, in words."""
    return _words(words.LETTER_STATES, state)


def letter_kind(kind: str) -> str:
    """What a letter is for, in words."""
    return _words(words.LETTER_KINDS, kind)


def channel_label(channel: str) -> str:
    """How a letter leaves, in words."""
    return _words(words.CHANNELS, channel)


def return_label(reason: str) -> str:
    """Why a letter came back, in words."""
    return _words(words.RETURN_REASONS, reason)


def event_label(event: str) -> str:
    """What happened to an order, in words."""
    return _words(words.EVENTS, event)


def list_kind_label(kind: str) -> str:
    """What kind of value a list entry holds."""
    return _words(words.LIST_KINDS, kind)


def dunning_label(code: str) -> str:
    """A kind of step, a way, a tone or a group of debtors in words."""
    return _words(words.DUNNING, code)


def call_outcome_label(outcome: str) -> str:
    """How a call ended."""
    return _words(words.CALL_OUTCOMES, outcome)


def stage_label(stage: str) -> str:
    """Where a version stands."""
    return _words(words.STAGES, stage)


def backtest_label(state: str) -> str:
    """How far a backtest is."""
    return _words(words.BACKTEST_STATES, state)


def segment_label(name: str) -> str:
    """By what a result is broken down, and the parts; an amount or a country is shown as it is."""
    from_on = name.removeprefix("from ")
    return say("from %(amount)s", amount=from_on) if from_on != name else _words(words.SEGMENTS, name)


def policy_label(kind: str) -> str:
    """Which policy document."""
    return _words(words.POLICIES, kind)


def notice_label(code: str) -> str:
    """What a notice is about."""
    return _words(words.NOTICES, code)


def role_label(role: str) -> str:
    """A role in one word."""
    return _words(words.ROLES, role)


def action_label(action: str) -> str:
    """An entry of the audit log in words."""
    return _words(words.ACTIONS, action)


def desk_day(moment: datetime) -> date:
    """The day of a moment in the desk's calendar."""
    return local_date(moment, TIMEZONE)


def last_day(due_at: datetime) -> date:
    """The last day for an answer, in the desk's calendar: the deadline is its end."""
    return local_date(due_at - timedelta(seconds=1), TIMEZONE)


def rights_label(kind: str) -> str:
    """What a buyer asks for."""
    return _words(words.RIGHTS, kind)


def rights_outcome(outcome: str | None) -> str:
    """What came of it."""
    return _words(words.RIGHTS_OUTCOMES, outcome or "–")


def proof_label(proof: str) -> str:
    """How a buyer showed who he is."""
    return _words(words.PROOFS, proof)


def correction_label(name: str) -> str:
    """A field that can be corrected."""
    return _words(words.CORRECTED, name)


def told_value(told: Mapping[str, Any] | None, name: str) -> str:
    """What the shop told in the place of a correction."""
    part, _, inner = name.partition("_")
    where = (told or {}).get(part) if part in ("billing", "delivery") else (told or {}).get("buyer")
    value = (where or {}).get(inner if part in ("billing", "delivery") else name)
    return str(value or "–")


def sentence(error: GatewayError) -> str:
    """An error for people: in German where we have the words, else the English sentence of the API."""
    german = words.ERRORS.get(error.code, "")
    return german if german and language() == "de" else error.detail or error.title


def mark(text: str) -> str:
    """Puts a sentence of a command into the catalogue; `say` finds it there when the command says it."""
    return text


FAULTS = (
    mark("is no email that could be recognised"),
    mark("is no phone that could be recognised"),
    mark("is no address that could be recognised"),
    mark("is no domain that could be recognised"),
    mark("is no ip that could be recognised"),
    mark("lies in the past"),
    mark("is one of the first that are guessed"),
    mark("must not be the e-mail address"),
    mark("is not an e-mail address"),
)
"""What commands find wrong with a form's fields."""


def category_label(code: str) -> str:
    """What a debtor objects to."""
    return _words(words.CATEGORIES, code)


def return_word(code: str) -> str:
    """A kind, state or act of a return."""
    return _words(words.RETURNS, code)


def objection_state(state: str) -> str:
    """Where an objection stands."""
    return _words(words.OBJECTION_STATES, state)


def finding_label(code: str | None) -> str:
    """Whether an objection was justified."""
    return _words(words.FINDINGS, code or "")


def plan_state(state: str) -> str:
    """Where a plan stands."""
    return _words(words.PLAN_STATES, state)


def chargeback_category(category: str) -> str:
    return _words(CATEGORIES, category)


def chargeback_state(state: str) -> str:
    return _words(chargeback_words.STATES, state)


def chargeback_event(event: str) -> str:
    return _words(chargeback_words.EVENTS, event)


def chargeback_ground(reason: str) -> str:
    """Of the rule, in words; a person's own reason is shown as it is."""
    german, _ = chargeback_words.GROUNDS.get(reason, (reason, reason))
    return german if language() == "de" else reason


def document_id(id_: str) -> str:
    return to_public("doc", UUID(id_))
