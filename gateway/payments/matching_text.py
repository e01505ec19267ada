"""What people write on transfers, in a form that can be compared: references as keys, names as tokens (pure).

Keys survive what happens on the way: blanks and line ends anywhere, other separators, letters read for digits (O/0, I/1, S/5,
B/8, Z/2, G/6), a prefix or leading zeros left out. Names survive accents, umlauts written out, order and titles.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

LONGEST = 35
"""Characters of a reference, as ISO 20022 limits it."""
_MISREAD = "OQILSBZG"
_FOLD = str.maketrans(_MISREAD, "00115826")
_TRANSLITERATED = str.maketrans({"ß": "SS", "ẞ": "SS", "Æ": "AE", "Ø": "O", "Œ": "OE", "Ł": "L", "Đ": "D", "Þ": "TH"})
_SEPARATED = re.compile(r"[A-Z0-9]+")
_RUNS = re.compile(r"[0-9]+|[A-Z]+")
_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
_NOT_REFERENCES = re.compile(
    r"\b[A-Z]{2}\d{2}(?: ?\d{4}){4}(?: ?\d{1,4})?\b"  # an IBAN
    r"|\b\d{1,2}\.\s?\d{1,2}\.(?:\d{4}|\d{2})?(?!\d)|\b(?:19|20)\d\d-\d\d-\d\d(?![\d-])"  # a date
    r"|(?<![\d.,])\d{1,3}(?:\.\d{3})*,\d{2}(?!\d)|(?<![\d.,-])\d+\.\d{2}\s?(?:EUR|CHF|EURO)\b"  # an amount
)
_TITLES = frozenset(
    """HERR HERN FRAU FAMILIE FAM DR PROF MAG ING DIPL MED PHIL JUR MBA MR MRS MS UND ODER U O AND OR VON VAN DE DER DEN ZU
    GMBH MBH AG KG OHG UG EK EV GBR SE CO COKG KGAA LTD INC SARL SRL BV NV INH INHABER HAFTUNGSBESCHRANKT""".split()  # noqa: SIM905 - a list of words
)
_DIGITS = "0123456789"
_MOST_RUNS = 12
_LONG_WORD = 5


class Keys(NamedTuple):
    """A reference's keys: those that stand for it alone, and those that need something beside them."""

    strong: tuple[str, ...]
    weak: tuple[str, ...]


class Window(NamedTuple):
    """A stretch of the text that could be a reference: as written (without separators) and folded."""

    written: str
    key: str


def plain(text: str) -> str:
    """Upper case without accents."""
    upper = text.upper()
    if upper.isascii():
        return upper
    split = unicodedata.normalize("NFKD", upper.translate(_TRANSLITERATED))
    return "".join(letter if letter.isascii() else " " for letter in split if not unicodedata.combining(letter))


def canonical(text: str) -> str:
    """Letters and digits only."""
    return "".join(_SEPARATED.findall(plain(text)))


def fold(canonical_text: str) -> str:
    """Letters that are read for digits become them."""
    return canonical_text.translate(_FOLD)


def reference_keys(reference: str) -> Keys:
    """Keys under which a reference is found in a text: as it is, without zeros, and its last digits as a weak one."""
    parts = _SEPARATED.findall(plain(reference))
    whole = "".join(parts)
    if not whole or len(whole) > LONGEST:
        return Keys((), ())
    short = _ZEROS.sub("", " ".join(parts)).replace(" ", "") if "0" in whole else whole
    last = parts[-1].lstrip(_LETTERS).lstrip("0")
    weak = (last,) if len(last) >= 2 and len(last) < 7 and last.isdigit() else ()
    if not _is_strong(whole):
        return Keys((), (*weak, whole) if len(whole) >= 3 and whole != last else weak)
    if short == whole or not _is_strong(short):
        return Keys((whole.translate(_FOLD),), weak)
    return Keys((whole.translate(_FOLD), short.translate(_FOLD)), weak)


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _is_strong(form: str) -> bool:
    """Whether a number like this stands in a text by chance only when it is one of ours."""
    rest = form.lstrip(_LETTERS)
    digits = len(rest) if rest.isdigit() else sum(map(str.isdigit, rest))
    return digits >= 7 or (digits >= 4 and len(form) - len(rest) >= 2)


def windows(text: str, prefixes: frozenset[str]) -> list[Window]:
    """Every stretch of whole runs of letters or digits that could be a reference, the first of a start the shortest.

    Dates, amounts and account numbers are none. A long word only begins a reference when it is one of `prefixes`.
    """
    return list(_windows(_masked(text), prefixes))


def digits(text: str) -> int:
    """How many digits of a text could belong to references."""
    return sum(map(str.isdigit, _masked(text)))


def _masked(text: str) -> str:
    return _NOT_REFERENCES.sub(" ", plain(text)[:2000])


def without_zeros(text: str) -> str:
    """The text with the leading zeros of every number left out."""
    return _ZEROS.sub("", text)


def _windows(text: str, prefixes: frozenset[str]) -> Iterator[Window]:
    runs = _RUNS.findall(text)
    for start, first in enumerate(runs):
        if not first.isdigit() and len(first) > _LONG_WORD and first not in prefixes:
            continue
        written, digits = "", 0
        for place, run in enumerate(runs[start : start + _MOST_RUNS]):
            number = run.isdigit()
            if place and not number and len(run) > 2 and first != "RF" and run.strip(_MISREAD):
                break
            written += run
            if len(written) > LONGEST:
                break
            digits += len(run) if number else 0
            if digits >= 2:
                yield Window(written, written.translate(_FOLD))


_CALLED = re.compile(
    r"\b(?:RECHNUNGS?|RECHN|RG|RE|INVOICE|INV|BESTELL(?:UNG)?|AUFTRAGS?|ORDER)[-. ]{0,3}(?:NR|NUMMER|NUMBER|NO)?[-.:# ]{0,3}0*([1-9]\d{3,5})\b"
)


def called_numbers(text: str) -> list[str]:
    """Short numbers that the text itself calls those of an invoice or order, without leading zeros."""
    return list(dict.fromkeys(_CALLED.findall(_masked(text))))


def near(key: str, lengths: Collection[int]) -> Iterator[str]:
    """Every key of one of these lengths at one slip from this: another digit, two swapped, one left out, one too many."""
    here = len(key)
    if here in lengths:
        for place, letter in enumerate(key):
            head, tail = key[:place], key[place + 1 :]
            if tail and tail[0] != letter:
                yield head + tail[0] + letter + tail[1:]
            yield from [head + digit + tail for digit in _DIGITS if digit != letter]
    if here - 1 in lengths:
        yield from [key[:place] + key[place + 1 :] for place in range(here)]
    if here + 1 in lengths:
        for place in range(here + 1):
            head, tail = key[:place], key[place:]
            yield from [head + digit + tail for digit in _DIGITS]


def letters(reference: str) -> str:
    """What a reference begins with, as it is written."""
    whole = canonical(reference[:12])
    return whole[: len(whole) - len(whole.lstrip(_LETTERS))]


def shape(key: str) -> tuple[int, str]:
    """What references of one numbering have in common: length and beginning."""
    return len(key), key[:4]


def is_checked(written: str) -> bool:
    """Whether check digits prove it: a creditor reference (ISO 11649) or a Swiss QR reference."""
    if written.startswith("RF"):
        return 5 <= len(written) <= 25 and written[2:4].isdigit() and _mod97(written[4:] + written[:4]) == 1
    return len(written) == 27 and written.isdigit() and _mod10(written) == 0


def _mod97(text: str) -> int:
    return int("".join(str(int(letter, 36)) for letter in text)) % 97


_CARRY = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)


def _mod10(digits: str) -> int:
    """Modulo 10, recursive, as Swiss payment references carry it."""
    carry = 0
    for digit in digits[:-1]:
        carry = _CARRY[(carry + int(digit)) % 10]
    return ((10 - carry) % 10) - int(digits[-1])


@lru_cache(maxsize=65536)
def name_tokens(name: str) -> tuple[str, ...]:
    """A name as comparable tokens, given names first: `Dr. Müller-Lüdenscheidt, Jörg` → JORG MULER LUDENSCHEIDT."""
    if "," in name:
        last, _, first = name.partition(",")
        name = f"{first} {last}"
    return tuple(_token(word) for word in _SEPARATED.findall(plain(name)) if word not in _TITLES)


def normal_name(name: str) -> str:
    """A name as open items carry it."""
    return " ".join(name_tokens(name))


_DOUBLED = re.compile(r"(.)\1+")
_UMLAUT = re.compile(r"([AOU])E")


@lru_cache(maxsize=65536)
def _token(word: str) -> str:
    return _DOUBLED.sub(r"\1", _UMLAUT.sub(r"\1", word))


def name_strength(theirs: Sequence[str], payer: frozenset[str]) -> int:
    """How well a payer's tokens agree with a name: 2 for given and last name, 1 for the last name alone, else 0."""
    shared = sum(token in payer for token in theirs)
    if shared >= 2:
        return 2
    return 1 if shared and theirs[-1] in payer and len(theirs[-1]) > 1 else 0
