"""Open items, found by anything that may stand on a transfer; built once, taken from as they are paid (pure)."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from gateway.payments import matching_text as text_of

_NAMES = 4
"""Tokens of a name that are looked at in pairs."""
MOST = 6
"""Numbers of one text around which slips are looked for."""


@dataclass(frozen=True, slots=True)
class OpenItem:
    """Something somebody owes, as matching sees it. Names are normalised by `matching_text.normal_name`."""

    id: str
    debtor_id: str
    currency: str
    open_minor: int
    references: tuple[str, ...]
    """Whatever he may write: creditor reference, QR reference, numbers of invoice, order, claim, customer."""
    due_date: date | None = None
    names: tuple[str, ...] = ()
    iban_digests: frozenset[bytes] = frozenset()
    asked_minor: tuple[int, ...] = ()
    """Other amounts he was asked for: with discount, with the fee of the last letter."""


def _same(iban: str) -> bytes:
    return iban.encode()


class Index:
    """Open items by keys of their references, by debtor, account and name.

    `digest` makes of a payer's IBAN what the items carry as `iban_digests`.
    """

    def __init__(self, items: Iterable[OpenItem], digest: Callable[[str], bytes] = _same) -> None:
        self.items: list[OpenItem] = []
        self.open_minor: list[int] = []
        self.names: list[tuple[tuple[str, ...], ...]] = []
        self.digest = digest
        self._strong: dict[str, int | tuple[int, ...]] = {}
        self._weak: dict[str, int | tuple[int, ...]] = {}
        self.by_iban: dict[bytes | None, set[str]] = {}
        self._places: dict[str, int] = {}
        self._by_debtor: dict[str, list[int]] = {}
        self._lengths: dict[str, set[int]] = {}
        """Prefix, folded → lengths of its keys."""
        self._by_name: dict[tuple[str, str], tuple[str, ...]] = {}
        self._shapes: set[tuple[int, str]] = set()
        self._prefixes: set[str] = set()
        for item in items:
            self._add(item)
        self.prefixes = frozenset(self._prefixes - {""})
        self._folded = [text_of.fold(prefix) for prefix in sorted(self.prefixes)]
        self._amounts = Counter(self.open_minor)

    def _add(self, item: OpenItem) -> None:
        place = len(self.items)
        self.items.append(item)
        self.open_minor.append(item.open_minor)
        self._places[item.id] = place
        self._by_debtor.setdefault(item.debtor_id, []).append(place)
        for reference in item.references:
            self._add_reference(reference, place)
        for iban in item.iban_digests:
            self.by_iban.setdefault(iban, set()).add(item.debtor_id)
        debtor = self._by_debtor[item.debtor_id]
        if len(debtor) > 1 and self.items[debtor[0]].names == item.names:
            self.names.append(self.names[debtor[0]])
            return
        self.names.append(tuple(tuple(name.split()) for name in item.names))
        for pair in {pair for tokens in self.names[-1] for pair in (*_pairs(tokens), *_initials(tokens))}:
            known = self._by_name.get(pair)
            self._by_name[pair] = (item.debtor_id,) if known is None else (*known, item.debtor_id)

    def _add_reference(self, reference: str, place: int) -> None:
        keys = text_of.reference_keys(reference)
        for key in keys.strong:
            _put(self._strong, key, place)
            if (len(key), key[:4]) not in self._shapes:
                self._note(key, reference)
        for key in keys.weak:
            _put(self._weak, key, place)

    def _note(self, key: str, reference: str) -> None:
        """A numbering not met before."""
        letters = text_of.letters(reference)
        self._shapes.add(text_of.shape(key))
        self._prefixes.add(letters)
        self._lengths.setdefault(text_of.fold(letters), set()).add(len(key))

    def strong(self, key: str) -> tuple[int, ...]:
        """Items one of whose references has this key, written with its letters or without, the year in full or not."""
        if len(key) < 4:
            return ()
        get = self._strong.get
        if not key.isdigit():
            spelled = [key]
        else:
            spelled = [key, *(prefix + key for prefix in self._folded)]
            full = [f"{prefix}20{key}" for prefix in ("", *self._folded)]
            spelled += [each for each in full if (len(each), each[:4]) in self._shapes]
        hits = [found for each in spelled if (found := get(each)) is not None]
        return tuple(place for found in hits for place in ((found,) if isinstance(found, int) else found))

    def weak(self, number: str) -> tuple[int, ...]:
        """Items that a short number may mean, leading zeros or not."""
        found = self._weak.get(number.lstrip("0"), ())
        return (found,) if type(found) is int else found  # type: ignore[return-value] # as above

    def around(self, keys: Iterable[str]) -> list[int]:
        """Items at one slip from these keys, of which those are looked at that are as long as references of their prefix."""
        likely = {key: spelled for key in keys if (spelled := self._likely(key))}
        numbers = [key for key in likely if key.isdigit()]
        longest = [key for key in likely if not any(other != key and other.endswith(key) for other in numbers)]
        wanted = dict.fromkeys(each for key in longest for each in likely[key])
        get = self._strong.get
        near = (each for full, prefix in list(wanted)[:MOST] for each in text_of.near(full, self._lengths[prefix]))
        hits = [found for each in near if (found := get(each)) is not None]
        return [place for found in hits for place in ((found,) if isinstance(found, int) else found)]

    def _likely(self, key: str) -> list[tuple[str, str]]:
        """The key with each prefix whose references are about as long, and the prefix."""
        here = len(key)
        return [
            (full, prefix)
            for prefix, lengths in self._lengths.items()
            for full in ((prefix + key, key) if key.isdigit() else (key,))
            if full.startswith(prefix) and lengths & {len(full) - 1, len(full), len(full) + 1} and here >= 5
        ]

    def around_short(self, number: str) -> list[int]:
        """Items whose short number is at one slip from this."""
        lengths = {len(number) - 1, len(number), len(number) + 1}
        return [place for each in text_of.near(number, lengths) for place in self.weak(each)]

    def is_rare(self, amount_minor: int, times: int, one_in: int) -> bool:
        """Whether so many items taken at random hold this amount in less than one case in so many."""
        return times * self._amounts[amount_minor] * one_in <= len(self.items)

    def looks_ours(self, key: str) -> bool:
        """Whether it has length and beginning of a numbering in use; short forms of it have many."""
        spelled = [key, *(prefix + key for prefix in self._folded)] if key.isdigit() else [key]
        return len(key) >= 7 and any(text_of.shape(each) in self._shapes for each in spelled)

    def of_debtor(self, debtor_id: str, currency: str) -> list[int]:
        """What he still owes in this currency."""
        return [
            place
            for place in self._by_debtor.get(debtor_id, ())
            if self.open_minor[place] and self.items[place].currency == currency
        ]

    def named(self, tokens: Sequence[str]) -> list[str]:
        """Debtors who share two names with this payer, or the last name and the initial that he gives."""
        found = {debtor for pair in _pairs(tokens) for debtor in self._by_name.get(pair, ())}
        return sorted(found)

    def take(self, assignments: Iterable[tuple[str, int]]) -> None:
        """Count as paid; an item paid in full keeps its references, so that a second payment is told from a first."""
        for item_id, amount_minor in assignments:
            place = self._places[item_id]
            self.open_minor[place] = max(0, self.open_minor[place] - amount_minor)


def _put(found: dict[str, int | tuple[int, ...]], key: str, place: int) -> None:
    """A number alone where there is one only: most are, and a hundred thousand tuples would cost more than they hold."""
    known = found.setdefault(key, place)
    if known != place:
        both = (known,) if isinstance(known, int) else known
        if place not in both:
            found[key] = (*both, place)


def _pairs(tokens: Sequence[str]) -> Iterable[tuple[str, str]]:
    return combinations(sorted(set(tokens[:_NAMES])), 2)


def _initials(tokens: Sequence[str]) -> Iterable[tuple[str, str]]:
    if len(tokens) > 1 and len(tokens[0]) > 1:
        first, last = sorted((tokens[0][0], tokens[-1]))
        yield first, last
