"""The synthetic account of `bench/bank_statements.py` as matching sees it, and what became of it."""

from collections import Counter
from dataclasses import dataclass, field

from bench.bank_statements import Account, Transfer
from gateway.payments import camt, matching, matching_text
from gateway.payments.matching_case import Certainty, Match
from gateway.payments.matching_index import Index, OpenItem


def digest(iban: str) -> bytes:
    return iban.encode()


def open_items(account: Account) -> list[OpenItem]:
    return [
        OpenItem(
            id=invoice.id,
            debtor_id=invoice.customer.number,
            currency="EUR",
            open_minor=invoice.amount_minor,
            references=(invoice.number, invoice.order, invoice.creditor_reference),
            due_date=invoice.due_date,
            names=(matching_text.normal_name(invoice.customer.name),),
            iban_digests=frozenset({digest(invoice.customer.iban)}) if invoice.knows_iban else frozenset(),
        )
        for invoice in account.invoices
    ]


@dataclass
class Outcome:
    """How the answers stand to the truth."""

    right: int = 0
    paying: int = 0
    wrong: list[tuple[Transfer, Match]] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    """Kinds of transfers that pay something and were not assigned without asking."""

    @property
    def share(self) -> float:
        return self.right / self.paying


def outcome(account: Account) -> Outcome:
    """Read the statement, match it, compare."""
    (statement,) = camt.read(account.camt())
    answers = matching.match_all(statement.entries, Index(open_items(account), digest))
    found = Outcome(paying=sum(bool(transfer.pays) for transfer in account.transfers))
    for transfer, answer in zip(account.transfers, answers, strict=True):
        if answer.certainty is Certainty.SURE:
            said = sorted(tuple(assignment) for assignment in answer.assignments)
            if said == sorted(transfer.pays):
                found.right += 1
            else:
                found.wrong.append((transfer, answer))
        elif transfer.pays:
            found.left[transfer.kind] += 1
    return found
