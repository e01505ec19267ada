"""Dunning at the desk: the policy as a form, what leaves next, the calls."""

from datetime import UTC, date, datetime

import pytest

from gateway.admin.dunning_form import edited
from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.core.ids import to_public
from gateway.merchants.models import Role
from gateway.receivables import calls, dunning_schema, dunning_versions
from gateway.receivables.dunning_defaults import DEFAULT_DUNNING
from tests.claims import Book
from tests.desk_visits import signed_in


def posted(body):
    """What a browser posts for an unchanged form."""
    form = {}
    for place, track in enumerate(body["tracks"]):
        at = f"t{place}"
        form |= {f"{at}.here": "1", f"{at}.minimum_minor": f"{track['minimum_minor'] / 100:.2f}"}
        form |= {f"{at}.{name}": str(track[name]) for name in ("undo_hours", "bank_lag_days", "resume_days")}
        form |= {f"{at}.{name}": "1" for name in ("delivered_required", "probable_payment_brake") if track[name]}
        for number, step in enumerate(track["steps"]):
            here = f"{at}.s{number}"
            form |= {f"{here}.here": "1", f"{here}.fee_minor": f"{step['fee_minor'] / 100:.2f}"}
            form |= {
                f"{here}.{name}": str(step[name]) for name in ("kind", "channel", "tone", "delay_days", "deadline_days")
            }
            form |= {f"{here}.fallback": step["fallback"] or "", f"{here}.fee_proof": step["fee_proof"]}
            switches = ("interest", "lump_sum", "bureau_notice", "handover_notice")
            form |= {f"{here}.{name}": "1" for name in switches if step[name]}
            form |= {f"{here}.offer.{name}": "1" for name in step["offers"]}
    return form


def test_a_form_that_was_not_changed_gives_the_same_document():
    body = dunning_schema.load(DEFAULT_DUNNING)
    assert edited(body, posted(body)) == body


def test_an_amount_is_read_with_comma_or_point_and_nothing_else():
    body = dunning_schema.load(DEFAULT_DUNNING)
    assert edited(body, posted(body) | {"t0.s2.fee_minor": "1,10"})["tracks"][0]["steps"][2]["fee_minor"] == 110
    for wrong in ("1.005", "-1", "x", "NaN", "1e99"):
        with pytest.raises(Invalid):
            edited(body, posted(body) | {"t0.s2.fee_minor": wrong})


def test_a_step_can_be_removed_and_added():
    body = dunning_schema.load(DEFAULT_DUNNING)
    made = edited(body, posted(body) | {"t0.s2.remove": "1", "t0.add": "call"})
    assert [step["key"] for step in made["tracks"][0]["steps"]] == ["reminder", "dunning-1", "final", "call-1"]


def test_an_admin_changes_the_policy_in_the_form(app, services):
    world, visitor = signed_in(app, services)
    page = f"/admin/dunning/{to_public('shp', world.shop_id)}"
    assert "de-consumer" in visitor.get(page).text
    form = posted(dunning_schema.load(DEFAULT_DUNNING)) | {"t0.s0.delay_days": "9", "act": "live", "base": "0"}
    assert visitor.post(f"{page}/save", form, page=page).status_code == 302
    with services.db.transaction(world.merchant_id) as session:
        live = dunning_versions.live(session, world.shop_id)
    assert (live.version, live.tracks[0].steps[0].delay_days) == (1, 9)


def test_an_unlawful_change_is_told_and_not_kept(app, services):
    world, visitor = signed_in(app, services)
    page = f"/admin/dunning/{to_public('shp', world.shop_id)}"
    form = posted(dunning_schema.load(DEFAULT_DUNNING)) | {"t0.s2.fee_minor": "5.00", "act": "save", "base": "0"}
    refused = visitor.post(f"{page}/save", form, page=page)
    assert refused.status_code == 422
    assert "/tracks/0/steps/2/fee_minor" in refused.text
    with services.db.transaction(world.merchant_id) as session:
        assert dunning_versions.live_version(session, world.shop_id) == 0


def test_a_reader_sees_the_policy_and_changes_nothing(app, services):
    world, visitor = signed_in(app, services, Role.READER)
    page = f"/admin/dunning/{to_public('shp', world.shop_id)}"
    assert visitor.get(page).status_code == 200
    assert visitor.post(f"{page}/save", {"act": "save"}, page="/admin/decisions").status_code == 403


def test_the_page_of_what_leaves_next_shows_the_letters_with_a_filter(app, services):
    world, visitor = signed_in(app, services)
    Book(services, world).open(
        datetime(2026, 9, 1, tzinfo=UTC), due_ground="after-delivery", due_date=date(2026, 9, 15)
    )
    assert "2026" in visitor.get("/admin/dunning/coming?days=30&kind=reminder").text
    assert visitor.get("/admin/dunning/coming?kind=callback&days=x").status_code == 200


def test_a_call_is_written_down_with_its_outcome(app, services):
    world, visitor = signed_in(app, services)
    book = Book(services, world)
    claim = book.claim(book.open())
    with book.transaction() as session:
        today = clock.now().date()
        wanted = calls.Wanted(world.shop_id, claim.buyer_id, "asked:1", today, None, live=True, wish="after six")
        calls.open_for(session, [wanted], book.keys)
        task = calls.by_cause(session, "asked:1")
    assert "after six" in visitor.get("/admin/calls").text
    call = to_public("cal", task.id)
    form = {"outcome": "promised"}
    assert visitor.post(f"/admin/calls/{call}/outcome", form, page="/admin/calls").status_code == 302
    assert "after six" in visitor.get("/admin/calls").text, "a promise without a day is refused"
    form |= {"pay_on": clock.now().date().isoformat()}
    visitor.post(f"/admin/calls/{call}/outcome", form, page="/admin/calls")
    assert "after six" not in visitor.get("/admin/calls").text
