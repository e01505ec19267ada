"""One bank entry and all that speaks for an open item: numbers in its text, its amount, its payer (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from gateway.payments import matching_text as text_of
from gateway.payments.bank_entries import BankEntry
from gateway.payments.matching_index import Index

_CUT_AT = (27, 35, 54, 70)
"""Characters after which banks cut a name."""


class Certainty(StrEnum):
    """What may be done without asking."""

    SURE = "sure"
    PROBABLE = "probable"
    NONE = "none"


class Assignment(NamedTuple):
    """How much of the entry goes to which item."""

    item_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Match:
    """The answer. Assignments and surplus sum to the entry; `why` are codes, the weightiest first."""

    certainty: Certainty
    assignments: tuple[Assignment, ...] = ()
    surplus_minor: int = 0
    """Beyond what was open: the debtor's money."""
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """What a merchant lets pass without looking."""

    tolerance_minor: int = 100
    tolerance_percent: int = 3
    """Cash discount taken, rounding, a bank's fee."""
    surplus_percent: int = 50
    """Paid too much, up to this share of what was open, by the debtor himself."""
    name_alone: bool = True
    """Whether full name and exact amount are enough where the text names no number at all."""


@dataclass(frozen=True, slots=True)
class Aliases:
    """Who has paid for whom before: accounts and names that a person assigned to a debtor."""

    by_iban: Mapping[bytes, frozenset[str]] = field(default_factory=dict)
    by_name: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def learn(self, entry: BankEntry, iban: bytes | None, debtor_id: str) -> "Aliases":
        """With this payer as one who pays for this debtor."""
        name = text_of.normal_name(entry.party.name)
        by_iban, by_name = dict(self.by_iban), dict(self.by_name)
        if iban is not None:
            by_iban[iban] = by_iban.get(iban, frozenset()) | {debtor_id}
        if len(name.split()) > 1:
            by_name[name] = by_name.get(name, frozenset()) | {debtor_id}
        return Aliases(by_iban, by_name)


NOBODY = Aliases()
USUAL = Policy()


class Case:
    """One entry with all that speaks for an item, each found when it is first asked for. Items are places in the index."""

    def __init__(self, entry: BankEntry, index: Index, aliases: Aliases, policy: Policy) -> None:
        self.entry, self.index, self.aliases, self.policy = entry, index, aliases, policy
        self.amount = entry.amount_minor

    @cached_property
    def windows(self) -> list[text_of.Window]:
        return text_of.windows(self._told, self.index.prefixes)

    @cached_property
    def _told(self) -> str:
        told = (self.entry.creditor_reference, self.entry.end_to_end_id, self.entry.purpose)
        return " / ".join(part for part in told if part)

    @cached_property
    def has_unread_numbers(self) -> bool:
        """Whether the text holds digits beside those of the numbers that were found."""
        read = {window.written for window in self.windows if self._hits.get(window.key)}
        longest = [one for one in read if not any(one != other and one in other for other in read)]
        return text_of.digits(self._told) - sum(sum(map(str.isdigit, one)) for one in longest) > 1

    @cached_property
    def checked(self) -> list[int]:
        """Items named by a reference whose check digits hold."""
        proven = [window.key for window in self.windows if text_of.is_checked(window.written)]
        return self._open(self.index.strong(key) for key in proven)

    @cached_property
    def _hits(self) -> dict[str, list[int]]:
        """Key as written → open items."""
        found = {window.key: self._open([self.index.strong(window.key)]) for window in self.windows}
        if not any(found.values()):
            plain = text_of.plain(self.entry.purpose)
            short = text_of.without_zeros(plain)
            again = text_of.windows(short, self.index.prefixes) if short != plain else []
            found = {window.key: self._open([self.index.strong(window.key)]) for window in again}
        return {key: items for key, items in found.items() if items and not self._is_tail(key)}

    def _is_tail(self, key: str) -> bool:
        """Whether it is but the end of a number of ours: 264711 in RE-2026-264711 is not invoice 4711 of the year 26."""
        longer = (window.key for window in self.windows if window.key != key and window.key.endswith(key))
        return any(self.index.looks_ours(other) for other in longer)

    @cached_property
    def strong(self) -> list[int]:
        """Items whose number stands in the text."""
        return list(dict.fromkeys(item for items in self._hits.values() for item in items))

    @cached_property
    def longest(self) -> list[int]:
        """The same without those whose number is but the beginning of another one that is meant: 2026-1 in 2026-103."""
        keys = [key for key in self._hits if not any(other != key and other.startswith(key) for other in self._hits)]
        return list(dict.fromkeys(item for key in keys for item in self._hits[key]))

    @cached_property
    def weak(self) -> list[int]:
        """Items that a short number in the text may mean."""
        return self.open_weak(window.written for window in self.windows if len(window.written) <= 10)

    def open_weak(self, numbers: Iterable[str]) -> list[int]:
        return self._open(self.index.weak(number) for number in numbers)

    @cached_property
    def near(self) -> list[int]:
        """Items at one slip of the pen from what is written."""
        here, keys = set(self.strong), sorted({window.key for window in self.windows}, key=lambda key: (-len(key), key))
        return [item for item in self._open([self.index.around(keys)]) if item not in here]

    @cached_property
    def names_another(self) -> bool:
        """Whether the text names a number of ours that is not open: paid already, or never issued."""
        closed = any(not self.index.open_minor[item] for item in self._named())
        return closed or any(
            not self.index.strong(window.key) and self.index.looks_ours(window.key) for window in self.windows
        )

    def _named(self) -> list[int]:
        return [item for window in self.windows for item in self.index.strong(window.key)]

    def _open(self, found: Iterable[Sequence[int]]) -> list[int]:
        """Each once, in the order of the text, of the entry's currency and not paid yet."""
        index, currency = self.index, self.entry.currency
        items = dict.fromkeys(item for items in found for item in items)
        return [item for item in items if index.open_minor[item] and index.items[item].currency == currency]

    @cached_property
    def payer(self) -> frozenset[str]:
        party = self.entry.party
        return frozenset((*text_of.name_tokens(party.name), *text_of.name_tokens(party.ultimate)))

    @cached_property
    def _cut(self) -> str:
        """The last name's beginning where the bank has cut the name at one of its lengths."""
        name = self.entry.party.name
        tokens = text_of.name_tokens(name) if len(name) in _CUT_AT else ()
        return tokens[-1] if tokens and len(tokens[-1]) >= 4 else ""

    @cached_property
    def written_names(self) -> frozenset[str]:
        """Words of the text: who pays for somebody else often names him."""
        return frozenset(text_of.name_tokens(self.entry.purpose.replace(",", " ")))

    @cached_property
    def named(self) -> list[str]:
        """Debtors of the payer's name, of the name he pays for, or of a name in the text."""
        party, words = self.entry.party, text_of.name_tokens(self.entry.purpose.replace(",", " "))
        names = [text_of.name_tokens(party.name), text_of.name_tokens(party.ultimate)]
        names += [pair for pair in pairwise(words) if min(map(len, pair)) > 2]
        return list(dict.fromkeys(debtor for name in names for debtor in self.index.named(name)))

    @cached_property
    def known_debtors(self) -> frozenset[str]:
        """Who has paid from this account before, or is known to be paid for by this payer."""
        iban = self.index.digest(self.entry.party.iban) if self.entry.party.iban else None
        found = frozenset(self.index.by_iban.get(iban, ())) if iban else frozenset()
        if iban and iban in self.aliases.by_iban:
            found |= self.aliases.by_iban[iban]
        name = text_of.normal_name(self.entry.party.name) if self.aliases.by_name else ""
        return found | self.aliases.by_name.get(name, frozenset())

    def support(self, item: int) -> int:
        """Who pays speaks for the item: 3 by account or alias, 2 by full name, 1 by last name, 0 not at all."""
        told = self.index.items[item]
        if told.debtor_id in self.known_debtors:
            return 3
        best = 0
        for tokens in self.index.names[item]:
            payer = self.payer.union(token for token in tokens if self._cut and token.startswith(self._cut))
            here = text_of.name_strength(tokens, payer)
            best = max(best, here or text_of.name_strength(tokens, self.written_names))
        return best

    def backed(self, items: Iterable[int]) -> int:
        """The support of the best supported."""
        return max((self.support(item) for item in items), default=0)

    def fits(self, item: int) -> bool:
        """Whether the amount is exactly what was open or asked for."""
        return self.amount == self.index.open_minor[item] or self.amount in self.index.items[item].asked_minor

    def total(self, items: Iterable[int]) -> int:
        return sum(self.index.open_minor[item] for item in items)

    def one_debtor(self, items: Sequence[int]) -> bool:
        return len({self.index.items[item].debtor_id for item in items}) == 1

    def rivals(self, chosen: Sequence[int]) -> bool:
        """Whether an item at one slip from what is written fits the amount as well."""
        return any(self.fits(item) for item in (*self.near, *self.weak) if item not in chosen)

    def outdone(self, chosen: Sequence[int]) -> bool:
        """Whether the payer speaks more for an item at one slip from what is written."""
        mine = self.backed(chosen)
        return mine < 3 and any(self.support(item) > mine for item in self.near)

    def tolerated(self, difference_minor: int, total_minor: int) -> bool:
        allowed = max(self.policy.tolerance_minor, total_minor * self.policy.tolerance_percent // 100)
        return abs(difference_minor) <= min(allowed, total_minor // 2)

    def answer(self, certainty: Certainty, items: Iterable[int], *why: str) -> Match:
        """The amount over the items, the one due first first; the rest is surplus."""
        rest, assigned = self.amount, []
        for item in sorted(items, key=lambda each: (self.index.items[each].due_date or date.max, each)):
            part = min(rest, self.index.open_minor[item])
            if part:
                assigned.append(Assignment(self.index.items[item].id, part))
                rest -= part
        return Match(certainty, tuple(assigned), rest, why)
