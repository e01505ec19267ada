"""The desk's menu: every entry has a page, and every page stands under one entry."""

from gateway.admin import routes
from gateway.admin.menu import MENU, menu

_NOT_IN_MENU = {"home", "nowhere", "logout"}


def parts():
    return [part for area in MENU for entry in area.entries for part in (entry.name, *entry.also)]


def test_every_entry_leads_to_a_page():
    """Its name is an endpoint of the table that answers GET."""
    pages_there = {page.endpoint for page in routes.TABLE if page.methods == ["GET"]}
    assert {entry.name for area in MENU for entry in area.entries} <= pages_there


def test_every_page_stands_under_one_entry():
    """By the first part of its address."""
    assert len(parts()) == len(set(parts()))
    first = {page.rule.strip("/").split("/")[0] for page in routes.TABLE if page.endpoint not in _NOT_IN_MENU}
    assert first <= set(parts())


def test_a_page_shows_its_area_and_the_entries_beside_it():
    """And what waits is counted in both rows."""
    shown = menu("/admin/plans/pln_1", lambda name: True, {"told": 2, "objections": 1, "reviews": 4}, "en")
    assert [(one.endpoint, one.waiting) for one in shown.areas if one.here] == [("claims", 3)]
    assert [one.endpoint for one in shown.entries if one.here] == ["objections"]
    assert {one.endpoint: one.waiting for one in shown.areas}["decisions"] == 4


def test_nobody_is_shown_what_his_role_does_not_include():
    """An area leads to the first page he may see and is left out where there is none."""
    shown = menu("/admin/claims", lambda name: name in ("messages", "claims"), {}, "en")
    assert [one.endpoint for one in shown.areas] == ["claims", "messages"]
    assert shown.entries == ()
