"""Block and allow lists at the desk."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.admin import desk
from gateway.admin.forms import EntryForm
from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.pages import TIMEZONE, say
from gateway.risk import lists
from gateway.shops import shops
from gateway.shops.identity import Address

PAGE = 50


def index() -> ResponseReturnValue:
    return _page(EntryForm())


def add() -> ResponseReturnValue:
    form = EntryForm()
    if not form.validate():
        return _page(form), 422
    now = clock.now()
    try:
        with desk.transaction() as session:
            entry_id = lists.add(session, services().keyring, _entry(form), desk.who().user.actor, now)
            facts = {"kind": form.kind.data, "list": form.action.data, "mode": form.mode.data}
            desk.note(session, "list.added", "list_entry", entry_id, **facts)
    except Invalid as fault:
        desk.put_faults(form, fault, {"expires_at": "expires_on"})
        return _page(form), 422
    desk.done(say("The entry counts from the next checkout on."))
    return redirect(url_for("admin.lists"))


def remove(entry_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("lst", entry_id)
    with desk.transaction() as session:
        lists.remove(session, id_)
        desk.note(session, "list.removed", "list_entry", id_)
    desk.done(say("The entry is gone."))
    return redirect(url_for("admin.lists"))


def _page(form: EntryForm) -> str:
    with desk.transaction() as session:
        entries = lists.list_entries(session, services().keyring, before=desk.cursor("lst"), limit=PAGE)
        if not form.is_submitted() and not any(shop.live for shop in shops.list_shops(session)):
            form.mode.data = "test"
    older = to_public("lst", entries[-1].id) if len(entries) == PAGE else None
    return render_template(
        "admin/lists.html", form=form, entries=entries, now=clock.now(), next_url=desk.next_url(older)
    )


def _entry(form: EntryForm) -> lists.NewEntry:
    country = (form.country.data or "DE").upper()
    value: str | Address = form.value.data
    if form.kind.data == "address":
        value = Address(
            line1=form.value.data, postcode=form.postcode.data or "", city=form.city.data or "", country=country
        )
    return lists.NewEntry(
        action=form.action.data,
        kind=form.kind.data,
        value=value,
        reason=form.reason.data,
        live=form.mode.data == "live",
        expires_at=end_of(form.expires_on.data),
        country=country,
    )


def end_of(day: date | None) -> datetime | None:
    """The first moment after a day of the desk's calendar."""
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(TIMEZONE)).astimezone(UTC)
