"""Reason codes of returned SEPA direct debits and what they mean for dunning (pure); the table is data.

MS03 hides AM04, AC04 and MD07 (banks keep the reason to themselves): it is never told as a lack of funds and says nothing
about the buyer's solvency. MD07 (deceased) stops everything.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

CODE = re.compile(r"[A-Z]{2}(?:\d{2}|OR)", re.ASCII)


class Dunning(StrEnum):
    """What a return means for what comes next."""

    RETRY = "retry"
    """Soft: the same account may be debited again."""
    NEW_ACCOUNT = "new_account"
    """Hard: this account will not work; ask for another way to pay."""
    OUR_FAULT = "our_fault"
    """The debtor did nothing wrong: no fee, no letter, correct it."""
    MANDATE = "mandate"
    """Hard, stop all debits of this mandate, and find the mandate: it may have to be proven."""
    DISPUTED = "disputed"
    """The debtor himself took the money back: no further debit, talk to him."""
    STOP = "stop"
    """No debit, no letter, no automatic step at all."""
    UNKNOWN = "unknown"
    """Nobody knows why; say so and no more."""
    MANUAL = "manual"
    """Somebody has to look."""


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """One row of the table."""

    code: str
    meaning: str
    dunning: Dunning
    redebit: bool
    """Whether the same mandate may be debited again."""
    may_say_funds: bool
    """Whether a letter may speak of a lack of funds."""
    needs_mandate_proof: bool
    certainty: str
    """`vendor`, `third` (another page than the scheme's own) or `memory`."""
    source: str


@cache
def table() -> Mapping[str, ReturnCode]:
    """By code."""
    text = files("gateway.payments").joinpath("tables", "return_codes.csv").read_text()
    return MappingProxyType({row["code"]: _row(row) for row in csv.DictReader(text.splitlines())})


def _row(row: Mapping[str, str]) -> ReturnCode:
    flags = ("redebit", "may_say_funds", "needs_mandate_proof")
    told: dict[str, Any] = {name: value == "yes" if name in flags else value for name, value in row.items()}
    return ReturnCode(**told | {"dunning": Dunning(row["dunning"])})


REASONS: Mapping[str, Dunning] = MappingProxyType(
    {
        "insufficient_funds": Dunning.RETRY,
        "incorrect_account_details": Dunning.NEW_ACCOUNT,
        "debit_not_authorized": Dunning.MANDATE,
        "customer_initiated": Dunning.DISPUTED,
        "bank_cannot_process": Dunning.UNKNOWN,
        "check_returned": Dunning.MANUAL,
    }
)
"""Words of Stripe, which passes no code on (GoCardless has the first as well). They are the provider's reading of what a bank
said, so they decide what comes next, and no letter repeats them."""


def classify(code: str, reason: str = "") -> ReturnCode:
    """What a return means by its code, else by the provider's word for the reason.

    A code that is not in the table is for somebody to look at; where there is neither nobody knows.
    """
    known = table().get(code)
    if known is not None:
        return known
    dunning = Dunning.MANUAL if code else REASONS.get(reason, Dunning.UNKNOWN)
    return ReturnCode(code, "", dunning, False, False, False, "", "")  # noqa: FBT003 - columns of the table


def is_code(text: str) -> bool:
    """Whether this looks like an EPC reason code."""
    return bool(CODE.fullmatch(text))
