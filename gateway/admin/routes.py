"""The desk's table: every page and act, and the role it needs. What is not in the table does not exist."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user
from werkzeug.exceptions import HTTPException

from gateway.admin import (
    backtests,
    bank,
    chargebacks,
    claims,
    connections,
    decisions,
    desk,
    dunning,
    keys,
    letters,
    lists,
    log,
    menu,
    messages,
    objections,
    orders,
    payment_terms,
    people,
    policies,
    present,
    returns,
    reviews,
    session,
    told,
)
from gateway.admin.desk import PageUnknown, RoleMissing
from gateway.admin.forms import ConfirmForm
from gateway.core import clock
from gateway.core.errors import BadRequest, GatewayError
from gateway.core.ids import to_public
from gateway.core.pages import language
from gateway.merchants.models import Role

blueprint = Blueprint("admin", __name__, url_prefix="/admin", template_folder="templates", static_folder="static")


@dataclass(frozen=True, slots=True)
class Page:
    """One row of the table. Names ending in `!` are acts and answer POST only."""

    rule: str
    name: str
    view: Callable[..., ResponseReturnValue]
    role: Role

    @property
    def methods(self) -> list[str]:
        return ["POST"] if self.name.endswith("!") else ["GET"]

    @property
    def endpoint(self) -> str:
        return self.name.rstrip("!")


class FormExpired(BadRequest):
    """The form has expired or did not come from our page; open the page again."""


def nowhere(**_: str) -> ResponseReturnValue:
    """What nobody has put into the table."""
    raise PageUnknown


READER, CLERK, ADMIN, OWNER = Role.READER, Role.CLERK, Role.ADMIN, Role.OWNER
TABLE: tuple[Page, ...] = (
    Page("", "home", decisions.home, READER),
    Page("/decisions", "decisions", decisions.index, READER),
    Page("/decisions/<decision_id>", "decision", decisions.show, READER),
    Page("/decisions/<decision_id>/review", "take_up!", reviews.take_up, CLERK),
    Page("/reviews", "reviews", reviews.index, READER),
    Page("/reviews/<request_id>", "review", reviews.show, READER),
    Page("/reviews/<request_id>/answer", "answer_review!", reviews.answer, CLERK),
    Page("/reviews/<request_id>/erase", "erase_buyer!", reviews.erase, ADMIN),
    Page("/objections", "objections", objections.index, READER),
    Page("/objections/<objection_id>", "objection", objections.show, READER),
    Page("/objections/<objection_id>/answer", "answer_objection!", objections.answer, CLERK),
    Page("/objections/<objection_id>/files/<document_id>", "objection_file", objections.file, CLERK),
    Page("/told", "told", told.index, READER),
    Page("/told/<hold_id>/look", "look_at_told!", told.look, CLERK),
    Page("/told/<hold_id>/answer", "answer_proof!", told.answer, CLERK),
    Page("/told/<hold_id>/files/<document_id>", "proof_file", told.file, CLERK),
    Page("/plans", "plans", objections.plan_list, READER),
    Page("/plans/<plan_id>", "plan", objections.plan, READER),
    Page("/debtors/<buyer_id>/links/revoke", "revoke_links!", objections.revoke_links, CLERK),
    Page("/feedback", "feedback", objections.feedback, READER),
    Page("/orders", "orders", orders.index, READER),
    Page("/orders/<shop_id>/<path:reference>", "order", orders.show, READER),
    Page("/returns", "returns", returns.index, READER),
    Page("/returns/<return_id>", "return_", returns.show, READER),
    Page("/returns/<return_id>/act", "act_on_return!", returns.act, CLERK),
    Page("/claims", "claims", claims.index, READER),
    Page("/claims/terms", "payment_terms", payment_terms.show, READER),
    Page("/claims/terms/save", "save_payment_terms!", payment_terms.save, ADMIN),
    Page("/claims/<claim_id>", "claim", claims.show, READER),
    Page("/claims/<claim_id>/act", "act_on_claim!", claims.act, CLERK),
    Page("/claims/<claim_id>/holds/<hold_id>/lift", "lift_hold!", claims.lift, CLERK),
    Page("/claims/<claim_id>/payments/<payment_id>/reverse", "reverse_claim_payment!", claims.reverse_payment, CLERK),
    Page("/claims/<claim_id>/write-off", "write_off_claim!", claims.write_off, ADMIN),
    Page("/claims/<claim_id>/revive", "revive_claim!", claims.revive, ADMIN),
    Page("/letters", "letters", letters.index, READER),
    Page("/letters/sender", "sender", letters.sender, ADMIN),
    Page("/letters/sender/save", "save_sender!", letters.save_sender, ADMIN),
    Page("/letters/print", "make_batch!", letters.make_batch, CLERK),
    Page("/letters/batches/<batch_id>/archive", "batch_archive", letters.archive, CLERK),
    Page("/letters/batches/<batch_id>/confirm", "confirm_batch!", letters.confirm_batch, CLERK),
    Page("/letters/<letter_id>", "letter", letters.show, READER),
    Page("/letters/<letter_id>/pdf", "letter_pdf", letters.pdf, READER),
    Page("/letters/<letter_id>/cancel", "cancel_letter!", letters.cancel, CLERK),
    Page("/letters/<letter_id>/release", "release_letter!", letters.release, CLERK),
    Page("/letters/<letter_id>/returned", "return_letter!", letters.returned, CLERK),
    Page("/bank", "bank", bank.index, READER),
    Page("/bank/entries", "bank_entries", bank.entries, READER),
    Page("/bank/upload", "upload_statement!", bank.upload, CLERK),
    Page("/chargebacks", "chargebacks", chargebacks.index, READER),
    Page("/chargebacks/<chargeback_id>", "chargeback", chargebacks.show, READER),
    Page("/chargebacks/<chargeback_id>/pdf", "chargeback_pdf", chargebacks.preview, READER),
    Page("/chargebacks/<chargeback_id>/files/<document_id>", "chargeback_file", chargebacks.file, CLERK),
    Page("/chargebacks/<chargeback_id>/upload", "upload_evidence!", chargebacks.upload, CLERK),
    Page("/chargebacks/<chargeback_id>/statement", "state_words!", chargebacks.state_words, CLERK),
    Page("/chargebacks/<chargeback_id>/submit", "submit_chargeback!", chargebacks.submit, CLERK),
    Page("/chargebacks/<chargeback_id>/sent", "chargeback_sent!", chargebacks.sent_myself, CLERK),
    Page("/chargebacks/<chargeback_id>/accept", "accept_chargeback!", chargebacks.accept, CLERK),
    Page("/chargebacks/<chargeback_id>/claim", "decide_chargeback_claim!", chargebacks.decide_claim, CLERK),
    Page("/lists", "lists", lists.index, READER),
    Page("/lists/add", "add_entry!", lists.add, CLERK),
    Page("/lists/<entry_id>/remove", "remove_entry!", lists.remove, CLERK),
    Page("/policies", "policies", policies.home, READER),
    Page("/policies/<shop_id>/<kind>", "policy", policies.show, READER),
    Page("/policies/<shop_id>/<kind>/save", "save_policy!", policies.save, ADMIN),
    Page("/policies/<shop_id>/<kind>/<int:version>/activate", "activate_policy!", policies.activate, ADMIN),
    Page("/policies/<shop_id>/<kind>/<int:version>/stage", "stage_policy!", policies.stage, ADMIN),
    Page("/policies/<shop_id>/<kind>/rollback", "rollback_policy!", policies.rollback, ADMIN),
    Page("/policies/<shop_id>/<kind>/<int:version>/backtest", "start_backtest!", backtests.start, ADMIN),
    Page("/policies/<shop_id>/<kind>/<int:version>/backtest/<backtest_id>", "backtest", backtests.show, READER),
    Page("/dunning", "dunning", dunning.home, READER),
    Page("/dunning/coming", "dunning_preview", dunning.coming, READER),
    Page("/dunning/<shop_id>", "dunning_policy", dunning.show, READER),
    Page("/dunning/<shop_id>/save", "save_dunning!", dunning.save, ADMIN),
    Page("/dunning/<shop_id>/<int:version>/live", "make_dunning_live!", dunning.make_live, ADMIN),
    Page("/dunning/<shop_id>/rollback", "rollback_dunning!", dunning.rollback, ADMIN),
    Page("/calls", "calls", dunning.call_list, READER),
    Page("/calls/<call_id>/outcome", "end_call!", dunning.end_call, CLERK),
    Page("/calls/<call_id>/drop", "drop_call!", dunning.drop_call, CLERK),
    Page("/notices", "notices", messages.notices, READER),
    Page("/notices/<notice_id>/read", "read_notice!", messages.read_notice, CLERK),
    Page("/messages", "messages", messages.index, ADMIN),
    Page("/messages/<direction>/<message_id>/replay", "replay_message!", messages.replay, ADMIN),
    Page("/messages/out/<message_id>/cancel", "cancel_message!", messages.cancel, ADMIN),
    Page("/messages/requests/<request_id>/replay", "replay_request!", messages.replay_request, ADMIN),
    Page("/messages/requests/<request_id>/settle", "settle_request!", messages.settle_request, ADMIN),
    Page("/messages/requests/<request_id>/cancel", "cancel_request!", messages.cancel_request, ADMIN),
    Page("/connections", "connections", connections.index, ADMIN),
    Page("/connections/new/<provider>", "new_connection", connections.new, ADMIN),
    Page("/connections/new/<provider>/connect", "create_connection!", connections.create, ADMIN),
    Page("/connections/<connection_id>", "connection", connections.show, ADMIN),
    Page("/connections/<connection_id>/change", "change_connection!", connections.change, ADMIN),
    Page("/connections/<connection_id>/test", "test_connection!", connections.test, ADMIN),
    Page("/connections/<connection_id>/close", "close_connection!", connections.close, ADMIN),
    Page("/keys", "keys", keys.index, ADMIN),
    Page("/keys/create", "create_key!", keys.create, ADMIN),
    Page("/keys/<key_id>/revoke", "revoke_key!", keys.revoke, ADMIN),
    Page("/people", "people", people.index, ADMIN),
    Page("/people/invite", "invite!", people.invite, OWNER),
    Page("/people/<user_id>/invite", "invite_again!", people.invite_again, OWNER),
    Page("/people/<user_id>/role", "set_role!", people.set_role, OWNER),
    Page("/people/<user_id>/disable", "disable!", people.disable, OWNER),
    Page("/log", "log", log.index, ADMIN),
    Page("/logout", "logout!", session.sign_out, READER),
    Page("/<path:rest>", "nowhere", nowhere, READER),
)
NEEDS: Mapping[str, Role] = MappingProxyType({f"admin.{page.endpoint}": page.role for page in TABLE})

blueprint.add_app_template_filter(present.kind_label, "kind_label")
for _page in TABLE:
    blueprint.add_url_rule(_page.rule, _page.endpoint, _page.view, methods=_page.methods)


def guard() -> ResponseReturnValue | None:
    """Signed in, with the role of the table, and for acts with the form's proof."""
    if request.endpoint == "admin.static":
        return None
    if not current_user.is_authenticated:
        here = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("login.sign_in", next=here))
    needed = NEEDS.get(request.endpoint or "")
    if needed is None:
        raise PageUnknown
    if not desk.who().may(needed):
        raise RoleMissing(needed=needed.value)
    if request.method == "POST":
        session.csrf.protect()
    return None


def install(app: Flask) -> None:
    """Prepare an application for the desk: sessions and the forms' proof. API routes are not touched by either."""
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    session.csrf.init_app(app)
    manager = LoginManager()
    manager.user_loader(desk.load)
    # Not init_app: it would look into the session after every answer, the API's included, for cookies we never set.
    app.login_manager = manager  # type: ignore[attr-defined]


def waiting() -> dict[str, int]:
    """First part of an address at the desk → how many things wait there for a person."""
    return {
        "notices": messages.unread_count(),
        "reviews": reviews.open_count(),
        "objections": objections.open_count(),
        "told": told.open_count(),
        "chargebacks": chargebacks.open_count(),
    }


@blueprint.context_processor
def everywhere() -> dict[str, Any]:
    """What every page of the desk shows."""
    if not current_user.is_authenticated:
        return {}
    me, waits = desk.who(), waiting()

    def may(endpoint: str) -> bool:
        return me.may(NEEDS[f"admin.{endpoint}"])

    return {
        "me": me,
        "menu": menu.menu(request.path, may, waits, language()),
        "waits": waits,
        "may": may,
        "confirm_form": ConfirmForm(formdata=None),
        "public": to_public,
        "present": present,
        "clock_now": clock.now(),
    }


@blueprint.errorhandler(GatewayError)
def told_as_page(error: GatewayError) -> ResponseReturnValue:
    template = "admin/problem.html" if current_user.is_authenticated else "core/problem.html"
    return render_template(template, error=error), error.status


@blueprint.errorhandler(HTTPException)
def refused_by_flask(error: HTTPException) -> ResponseReturnValue:
    if error.code == 400:
        return told_as_page(FormExpired())
    named = PageUnknown() if error.code in (404, 405) else GatewayError(error.description)
    return told_as_page(named)
