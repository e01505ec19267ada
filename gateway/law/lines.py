"""Lines of working in English that know their German (pure)."""

from collections.abc import Iterable


class Line(str):
    """The English sentence; `german` is the same one in German."""

    __slots__ = ("german",)
    german: str


def line(english: str, german: str, **facts: object) -> Line:
    """Both sentences with the facts put in; a fact that is a line speaks the language of its sentence."""
    made = Line(english.format(**facts))
    made.german = german.format(**{name: in_german(fact) for name, fact in facts.items()})
    return made


def joined(separator: str, parts: Iterable[str]) -> Line:
    """Several lines as one."""
    some = list(parts)
    made = Line(separator.join(some))
    made.german = separator.join(str(in_german(part)) for part in some)
    return made


def in_german(fact: object) -> object:
    return fact.german if isinstance(fact, Line) else fact


def in_language(language: str, lines: Iterable[str]) -> list[str]:
    """The lines as plain text: `de`, or English for anything else."""
    return [str(in_german(one)) if language == "de" else str(one) for one in lines]
