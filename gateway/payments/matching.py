"""Which open item a bank entry pays: rules in order, each with its reasons; never sure on the amount alone (pure).

`sure` is booked without asking, `probable` holds back escalation until somebody has looked, `none` is nobody's.
A written number is believed when something else agrees: the amount, the payer's name, his account. A slip of the pen can turn
one open number into another, so where the payer is a stranger or the amount differs, an item at one slip from what is
written that fits the amount makes it a question.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from gateway.payments import matching_text as text_of
from gateway.payments.bank_entries import BankEntry
from gateway.payments.matching_case import NOBODY, USUAL, Aliases, Case, Certainty, Match, Policy
from gateway.payments.matching_index import Index

BUNDLE = 10
"""Items of one debtor among which a sum is looked for."""


def match(entry: BankEntry, index: Index, aliases: Aliases = NOBODY, policy: Policy = USUAL) -> Match:
    """What the entry pays. Only booked money that came in pays anything; what came back is another matter."""
    if not entry.credit or entry.returned or entry.reversal or entry.status != "BOOK" or entry.amount_minor <= 0:
        return Match(Certainty.NONE, why=("not-a-payment",))
    case = Case(entry, index, aliases, policy)
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


def _sum_of(case: Case, items: Sequence[int], needed: frozenset[int]) -> list[int] | None:
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


def _named_together(case: Case, items: list[int]) -> list[int]:
    """With short numbers beside a full one (`RE-2026-001234, 1235 und 1236`) of the same debtor."""
    debtors = {case.index.items[item].debtor_id for item in items}
    more = [item for item in case.weak if case.index.items[item].debtor_id in debtors and item not in items]
    return items + more


def by_check_digits(case: Case) -> Match | None:
    """A reference with check digits is not hit by chance: the item is paid, whatever the amount."""
    items = case.checked
    if not items or not case.one_debtor(items):
        return None
    exact = _sum_of(case, items, frozenset()) or _with_others(case, items)
    if exact:
        return case.answer(Certainty.SURE, exact, "check-digits", "amount")
    certainty = Certainty.SURE if len(items) == 1 and not _meant_for_more(case, items) else Certainty.PROBABLE
    return case.answer(certainty, items, "check-digits", *_difference(case, items))


def by_reference(case: Case) -> Match | None:
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


def by_near_reference(case: Case) -> Match | None:
    """A number cut short or with a slip, the exact amount and the payer's name or account."""
    if case.backed(case.strong):
        return None
    fitting = _backed(case, case.weak) or _backed(case, case.near)
    if not fitting:
        return None
    best = max(fitting.values())
    chosen = [item for item, support in fitting.items() if support == best]
    certainty = Certainty.SURE if len(chosen) == 1 else Certainty.PROBABLE
    return case.answer(certainty, chosen[:1], "near-reference", "amount", "payer")


def _backed(case: Case, items: Iterable[int]) -> dict[int, int]:
    """Those whose amount fits and for whom the payer speaks, and how much."""
    return {item: support for item in items if case.fits(item) and (support := case.support(item))}


def by_called_number(case: Case) -> Match | None:
    """A short number that the payer himself calls an invoice's or order's, and the exact amount."""
    called = text_of.called_numbers(case.entry.purpose)
    fitting = [item for number in called for item in case.open_weak([number]) if case.fits(item)]
    if len(fitting) != 1 or case.strong or case.names_another:
        return None
    around = [item for number in called for item in case.index.around_short(number) if item not in fitting]
    if case.rivals(fitting) or any(case.fits(item) for item in around):
        return case.answer(Certainty.PROBABLE, fitting, "short-reference", "amount", "rival")
    return case.answer(Certainty.SURE, fitting, "short-reference", "amount")


def by_near_payer(case: Case) -> Match | None:
    """A number with a slip or cut short, and the account or full name of the debtor it belongs to."""
    backed = [item for item in dict.fromkeys((*case.weak, *case.near)) if case.support(item) > 1]
    if case.strong or len(backed) != 1:
        return None
    total = case.total(backed)
    most = total + total * case.policy.surplus_percent // 100
    close = case.tolerated(case.amount - total, total) or (backed[0] in case.weak and case.amount <= most)
    certainty = Certainty.SURE if close and not _meant_for_more(case, backed) else Certainty.PROBABLE
    return case.answer(certainty, backed, "near-reference", "payer", *_difference(case, backed))


def by_bundle(case: Case) -> Match | None:
    """More than is named: other items of the same debtor make up the amount exactly."""
    named = _named_together(case, case.longest) or [item for item in case.near if case.support(item) > 1]
    if not named or not case.one_debtor(named) or not case.backed(named):
        return None
    exact = _with_others(case, named)
    return case.answer(Certainty.SURE, exact, "reference", "amount", "payer", "bundle") if exact else None


def _with_others(case: Case, named: Sequence[int]) -> list[int] | None:
    debtor = case.index.items[named[0]].debtor_id
    others = case.index.of_debtor(debtor, case.entry.currency)
    exact = _sum_of(case, others, frozenset(named))
    return exact if exact and set(named) <= set(exact) else None


def by_part(case: Case) -> Match | None:
    """A number in the text, and less or more than was open."""
    items = case.longest
    if not items:
        return None
    total, why = case.total(items), _difference(case, items)
    if not case.one_debtor(items) or case.rivals(items) or case.outdone(items):
        return case.answer(Certainty.PROBABLE, items, "reference", "rival", *why)
    if case.tolerated(case.amount - total, total):
        return case.answer(Certainty.SURE, items, "reference", "tolerance", *why)
    enough = case.amount <= total + total * case.policy.surplus_percent // 100 and not _meant_for_more(case, items)
    certainty = Certainty.SURE if case.backed(items) and enough else Certainty.PROBABLE
    return case.answer(certainty, items, "reference", *why)


def _meant_for_more(case: Case, items: Sequence[int]) -> bool:
    """Whether what is paid too much may be for something else the debtor owes, named in a way that nobody could read."""
    total = case.total(items)
    if case.amount <= total or case.tolerated(case.amount - total, total):
        return False
    debtor = case.index.items[items[0]].debtor_id
    owes_more = len(case.index.of_debtor(debtor, case.entry.currency)) > len(items)
    return owes_more and case.has_unread_numbers


def _difference(case: Case, items: Sequence[int]) -> tuple[str, ...]:
    difference = case.amount - case.total(items)
    return () if not difference else ("surplus",) if difference > 0 else ("part",)


def by_account(case: Case) -> Match | None:
    """The payer's account or a learned alias, and the amount of one, of all or of exactly one selection of his items."""
    if len(case.known_debtors) != 1:
        return None
    items = case.index.of_debtor(next(iter(case.known_debtors)), case.entry.currency)
    exact = _of_payer(case, items)
    if exact:
        certainty = Certainty.PROBABLE if case.names_another else Certainty.SURE
        return case.answer(certainty, exact, "account", "amount")
    return case.answer(Certainty.PROBABLE, items, "account", *_difference(case, items)) if items else None


def by_name(case: Case) -> Match | None:
    """The full name and the exact amount; where others bear the name, or he gives an initial, an amount few others owe."""
    debtors = case.named
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


def _is_enough(case: Case, bearers: int) -> bool:
    """Whether a name identifies: one bearer, or an amount so rare that only one of them will owe it."""
    if min(map(len, case.payer), default=2) < 2:
        return case.index.is_rare(case.amount, bearers, 1000)
    return bearers == 1 or case.index.is_rare(case.amount, bearers, 100)


def _items(case: Case, debtor_id: str) -> list[int]:
    return case.index.of_debtor(debtor_id, case.entry.currency)


def _of_payer(case: Case, items: Sequence[int]) -> list[int] | None:
    single = [item for item in items if case.fits(item)]
    if single:
        return single if len(single) == 1 else None
    return _sum_of(case, items, frozenset()) if len(items) > 1 else None


def by_guess(case: Case) -> Match | None:
    """Something like a number, and the amount: a question for somebody."""
    fitting = [item for item in dict.fromkeys((*case.weak, *case.near)) if case.fits(item)]
    return case.answer(Certainty.PROBABLE, fitting, "near-reference", "amount") if len(fitting) == 1 else None


RULES: tuple[Callable[[Case], Match | None], ...] = (
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
