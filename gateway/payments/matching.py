"""Which open item a bank entry pays: rules in order, each with its reasons; never sure on the amount alone (pure).

`sure` is booked without asking, `probable` holds back escalation until somebody has looked, `none` is nobody's.
A written number is believed when something else agrees: the amount, the payer's name, his account. A slip of the pen can turn
one open number into another, so where the payer is a stranger or the amount differs, an item at one slip from what is
written that fits the amount makes it a question.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

from gateway.payments import matching_text as text_of
from gateway.payments.bank_entries import BankEntry
from gateway.payments.matching_index import Index

BUNDLE = 10
"""Items of one debtor among which a sum is looked for."""


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


def match(entry: BankEntry, index: Index, aliases: Aliases = NOBODY, policy: Policy = USUAL) -> Match:
    """What the entry pays. Only booked money that came in pays anything; what came back is another matter."""
    if not entry.credit or entry.returned or entry.reversal or entry.status != "BOOK" or entry.amount_minor <= 0:
        return Match(Certainty.NONE, why=("not-a-payment",))
    case = _Case(entry, index, aliases, policy)
    for rule in RULES:
        if (found := rule(case)) is not None:
            return found
    return Match(Certainty.NONE, why=("unknown-reference",) if case.names_another else ("nothing-fits",))


def match_all(
    entries: Iterable[BankEntry], index: Index, aliases: Aliases = NOBODY, policy: Policy = USUAL
) -> list[Match]:
    """Entries in order; what one surely pays is not open any more for the next. The index is changed by it."""
    found = []
    for entry in entries:
        answer = match(entry, index, aliases, policy)
        if answer.certainty is Certainty.SURE:
            index.take(answer.assignments)
        found.append(answer)
    return found


class _Case:
    """One entry with all that speaks for an item, each found when it is first asked for. Items are places in the index."""

    def __init__(self, entry: BankEntry, index: Index, aliases: Aliases, policy: Policy) -> None:
        self.entry, self.index, self.aliases, self.policy = entry, index, aliases, policy
        self.amount = entry.amount_minor

    @cached_property
    def windows(self) -> list[text_of.Window]:
        told = (self.entry.creditor_reference, self.entry.end_to_end_id, self.entry.purpose)
        return text_of.windows(" / ".join(part for part in told if part), self.index.prefixes)

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
        return {key: items for key, items in found.items() if items}

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
    def written_names(self) -> frozenset[str]:
        """Words of the text: who pays for somebody else often names him."""
        return frozenset(text_of.name_tokens(self.entry.purpose.replace(",", " ")))

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
            here = text_of.name_strength(tokens, self.payer)
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


def _sum_of(case: _Case, items: Sequence[int], needed: frozenset[int]) -> list[int] | None:
    """The items, all of `needed` among them, that make up the amount exactly; None when none or several do."""
    if case.total(items) == case.amount:
        return list(items)
    free = [item for item in items if item not in needed]
    if len(free) > BUNDLE:
        return None
    rest = case.amount - case.total(needed)
    found = [
        [*needed, *some]
        for size in range(1 if not needed else 0, len(free) + 1)
        for some in combinations(free, size)
        if case.total(some) == rest
    ]
    return found[0] if len(found) == 1 else None


def _named_together(case: _Case, items: list[int]) -> list[int]:
    """With short numbers beside a full one (`RE-2026-001234, 1235 und 1236`) of the same debtor."""
    debtors = {case.index.items[item].debtor_id for item in items}
    more = [item for item in case.weak if case.index.items[item].debtor_id in debtors and item not in items]
    return items + more


def by_check_digits(case: _Case) -> Match | None:
    """A reference with check digits is not hit by chance: the item is paid, whatever the amount."""
    items = case.checked
    if not items or not case.one_debtor(items):
        return None
    exact = _sum_of(case, items, frozenset()) or _with_others(case, items)
    if exact:
        return case.answer(Certainty.SURE, exact, "check-digits", "amount")
    certainty = Certainty.SURE if len(items) == 1 else Certainty.PROBABLE
    return case.answer(certainty, items, "check-digits", *_difference(case, items))


def by_reference(case: _Case) -> Match | None:
    """Numbers in the text and the exact amount."""
    if not case.strong:
        return None
    named = _named_together(case, case.strong)
    chosen = [item for item in named if case.fits(item)][:2]
    if len(chosen) != 1 or case.total(named) == case.amount:
        chosen = _sum_of(case, named, frozenset()) or []
    if not chosen:
        return None
    if len(chosen) > 1 and case.one_debtor(chosen):
        return case.answer(Certainty.SURE, chosen, "reference", "amount", "several")
    if case.backed(chosen):
        return case.answer(Certainty.SURE, chosen, "reference", "amount", "payer")
    if case.rivals(chosen):
        return case.answer(Certainty.PROBABLE, chosen, "reference", "amount", "rival")
    return case.answer(Certainty.SURE, chosen, "reference", "amount")


def by_near_reference(case: _Case) -> Match | None:
    """A number with a slip or cut short, the exact amount and the payer's name or account."""
    if case.backed(case.strong):
        return None
    fitting = {item: case.support(item) for item in (*case.weak, *case.near) if case.fits(item)}
    best = max(fitting.values(), default=0)
    if not best:
        return None
    chosen = [item for item, support in fitting.items() if support == best]
    if len(chosen) > 1:
        return case.answer(Certainty.PROBABLE, chosen[:1], "near-reference", "amount", "payer", "ambiguous")
    return case.answer(Certainty.SURE, chosen, "near-reference", "amount", "payer")


def by_called_number(case: _Case) -> Match | None:
    """A short number that the payer himself calls an invoice's or order's, and the exact amount."""
    called = text_of.called_numbers(case.entry.purpose)
    fitting = [item for number in called for item in case.open_weak([number]) if case.fits(item)]
    if len(fitting) != 1 or case.strong or case.names_another:
        return None
    around = [item for number in called for item in case.index.around_short(number) if item not in fitting]
    if case.rivals(fitting) or any(case.fits(item) for item in around):
        return case.answer(Certainty.PROBABLE, fitting, "short-reference", "amount", "rival")
    return case.answer(Certainty.SURE, fitting, "short-reference", "amount")


def by_near_payer(case: _Case) -> Match | None:
    """A number with a slip or cut short, and the account or full name of the debtor it belongs to."""
    backed = [item for item in dict.fromkeys((*case.weak, *case.near)) if case.support(item) > 1]
    if case.strong or len(backed) != 1:
        return None
    total = case.total(backed)
    close = case.tolerated(case.amount - total, total) or (backed[0] in case.weak and case.amount < total)
    certainty = Certainty.SURE if close else Certainty.PROBABLE
    return case.answer(certainty, backed, "near-reference", "payer", *_difference(case, backed))


def by_bundle(case: _Case) -> Match | None:
    """More than is named: other items of the same debtor make up the amount exactly."""
    named = _named_together(case, case.longest) or [item for item in case.near if case.support(item) > 1]
    if not named or not case.one_debtor(named) or not case.backed(named):
        return None
    exact = _with_others(case, named)
    return case.answer(Certainty.SURE, exact, "reference", "amount", "payer", "bundle") if exact else None


def _with_others(case: _Case, named: Sequence[int]) -> list[int] | None:
    debtor = case.index.items[named[0]].debtor_id
    others = case.index.of_debtor(debtor, case.entry.currency)
    exact = _sum_of(case, others, frozenset(named))
    return exact if exact and set(named) <= set(exact) else None


def by_part(case: _Case) -> Match | None:
    """A number in the text, and less or more than was open."""
    items = case.longest
    if not items:
        return None
    total, why = case.total(items), _difference(case, items)
    if not case.one_debtor(items) or case.rivals(items):
        return case.answer(Certainty.PROBABLE, items, "reference", "rival", *why)
    if case.tolerated(case.amount - total, total):
        return case.answer(Certainty.SURE, items, "reference", "tolerance", *why)
    enough = case.amount <= total + total * case.policy.surplus_percent // 100
    certainty = Certainty.SURE if case.backed(items) and enough else Certainty.PROBABLE
    return case.answer(certainty, items, "reference", *why)


def _difference(case: _Case, items: Sequence[int]) -> tuple[str, ...]:
    difference = case.amount - case.total(items)
    return () if not difference else ("surplus",) if difference > 0 else ("part",)


def by_account(case: _Case) -> Match | None:
    """The payer's account or a learned alias, and the amount of one, of all or of exactly one selection of his items."""
    if len(case.known_debtors) != 1:
        return None
    items = case.index.of_debtor(next(iter(case.known_debtors)), case.entry.currency)
    exact = _of_payer(case, items)
    if exact:
        certainty = Certainty.PROBABLE if case.names_another else Certainty.SURE
        return case.answer(certainty, exact, "account", "amount")
    return case.answer(Certainty.PROBABLE, items, "account", *_difference(case, items)) if items else None


def by_name(case: _Case) -> Match | None:
    """The full name and the exact amount; where others bear the name, or he gives an initial, an amount few others owe."""
    debtors = case.index.named(text_of.name_tokens(case.entry.party.name))
    if not debtors:
        return None
    fitting = [exact for debtor in debtors if (exact := _of_payer(case, _items(case, debtor)))]
    if len(fitting) == 1:
        known = case.policy.name_alone and not case.names_another
        alone = known and _is_enough(case, len(debtors))
        return case.answer(Certainty.SURE if alone else Certainty.PROBABLE, fitting[0], "name", "amount")
    if len(debtors) == 1 and not case.names_another and (items := _items(case, debtors[0])):
        return case.answer(Certainty.PROBABLE, items, "name", *_difference(case, items))
    return None


def _is_enough(case: _Case, bearers: int) -> bool:
    """Whether a name identifies: one bearer, or an amount so rare that only one of them will owe it."""
    if min(map(len, case.payer)) < 2:
        return case.index.is_rare(case.amount, bearers, 1000)
    return bearers == 1 or case.index.is_rare(case.amount, bearers, 250)


def _items(case: _Case, debtor_id: str) -> list[int]:
    return case.index.of_debtor(debtor_id, case.entry.currency)


def _of_payer(case: _Case, items: Sequence[int]) -> list[int] | None:
    single = [item for item in items if case.fits(item)]
    if single:
        return single if len(single) == 1 else None
    return _sum_of(case, items, frozenset()) if len(items) > 1 else None


def by_guess(case: _Case) -> Match | None:
    """Something like a number, and the amount: a question for somebody."""
    fitting = [item for item in dict.fromkeys((*case.weak, *case.near)) if case.fits(item)]
    return case.answer(Certainty.PROBABLE, fitting, "near-reference", "amount") if len(fitting) == 1 else None


RULES: tuple[Callable[[_Case], Match | None], ...] = (
    by_check_digits,
    by_reference,
    by_near_reference,
    by_called_number,
    by_bundle,
    by_near_payer,
    by_part,
    by_account,
    by_name,
    by_guess,
)
"""The first that answers is believed."""
