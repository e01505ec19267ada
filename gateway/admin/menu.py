"""The desk's menu as a table: areas, and in each its pages. A page belongs to the entry that its address begins with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the menu; `name` is its endpoint and the first part of its address, `also` are others that belong to it."""

    name: str
    label_de: str
    label_en: str
    also: tuple[str, ...] = ()

    def label(self, language: str) -> str:
        return self.label_de if language == "de" else self.label_en

    def count(self, waiting: Mapping[str, int]) -> int:
        return sum(waiting.get(part, 0) for part in (self.name, *self.also))


@dataclass(frozen=True, slots=True)
class Area:
    """What stands in the upper row; it leads to the first of its entries that one may see."""

    label_de: str
    label_en: str
    entries: tuple[Entry, ...]

    def label(self, language: str) -> str:
        return self.label_de if language == "de" else self.label_en


MENU: tuple[Area, ...] = (
    Area(
        "Kasse",
        "Checkout",
        (
            Entry("decisions", "Entscheidungen", "Decisions"),
            Entry("reviews", "Prüfungen", "Reviews"),
            Entry("lists", "Listen", "Lists"),
            Entry("policies", "Richtlinie", "Policy"),
        ),
    ),
    Area(
        "Bestellungen", "Orders", (Entry("orders", "Bestellungen", "Orders"), Entry("returns", "Retouren", "Returns"))
    ),
    Area(
        "Forderungen",
        "Claims",
        (
            Entry("claims", "Forderungen", "Claims"),
            Entry("objections", "Einwände", "Objections", also=("told", "plans", "debtors", "feedback")),
            Entry("dunning", "Mahnwesen", "Dunning", also=("calls",)),
            Entry("letters", "Briefe", "Letters"),
        ),
    ),
    Area("Geld", "Money", (Entry("bank", "Bank", "Bank"), Entry("chargebacks", "Rückbuchungen", "Chargebacks"))),
    Area(
        "Meldungen",
        "Notices",
        (Entry("notices", "Meldungen", "Notices"), Entry("messages", "Nachrichten", "Messages")),
    ),
    Area(
        "Verwaltung",
        "Settings",
        (
            Entry("keys", "Schlüssel", "Keys"),
            Entry("connections", "Anbindungen", "Connections"),
            Entry("people", "Benutzer", "Users"),
            Entry("log", "Protokoll", "Log"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One link of the page's menu, with how many things wait behind it."""

    endpoint: str
    label: str
    here: bool
    waiting: int


@dataclass(frozen=True, slots=True)
class Menu:
    """Both rows for one page: all areas, and the entries of the area it belongs to."""

    areas: tuple[Item, ...]
    entries: tuple[Item, ...]


def menu(path: str, may: Callable[[str], bool], waiting: Mapping[str, int], language: str) -> Menu:
    """For the page at `path` and whoever `may` see an endpoint; `waiting` counts by the first part of an address."""
    name = _entry_of(path)
    seen = [(area, [entry for entry in area.entries if may(entry.name)]) for area in MENU]
    areas = tuple(
        Item(
            entries[0].name,
            area.label(language),
            any(entry.name == name for entry in entries),
            sum(entry.count(waiting) for entry in entries),
        )
        for area, entries in seen
        if entries
    )
    here = next((entries for _, entries in seen if any(entry.name == name for entry in entries)), [])
    items = [Item(entry.name, entry.label(language), entry.name == name, entry.count(waiting)) for entry in here]
    return Menu(areas, tuple(items) if len(items) > 1 else ())


def _entry_of(path: str) -> str:
    part = path.removeprefix("/admin").strip("/").split("/")[0]
    every = [entry for area in MENU for entry in area.entries]
    return next((entry.name for entry in every if part == entry.name or part in entry.also), every[0].name)
