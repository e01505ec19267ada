"""Backtests at the desk: start one, watch it, read what it found."""

from datetime import timedelta
from typing import Any

from flask import make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.admin import desk, policies
from gateway.admin.forms import BacktestForm
from gateway.checkout import backtests, versions
from gateway.core import clock
from gateway.core.ids import to_public
from gateway.core.pages import say
from gateway.merchants import policies as kept

LOOK_AGAIN_S = 2


def start(shop_id: str, kind: str, version: int) -> ResponseReturnValue:
    """Queue a backtest of this version and show it."""
    form, now = BacktestForm(), clock.now()
    if not form.validate():
        return redirect(url_for("admin.policy", shop_id=shop_id, kind=kind, version=version))
    asked = backtests.Asked(now - timedelta(days=int(form.days.data)), now, int(form.most.data))
    with desk.transaction() as session:
        shop = policies.shop_of(session, shop_id, kind)
        document = kept.get(session, shop.id, kind, version)
        row = backtests.start(session, document, asked, desk.who().user.actor, now)
        desk.note(session, "policy.backtested", "shop", shop.id, kind=kind, version=version)
        id_ = to_public("bkt", row.id)
    desk.done(say("The backtest waits for the worker."))
    return redirect(url_for("admin.backtest", shop_id=shop_id, kind=kind, version=version, backtest_id=id_))


def show(shop_id: str, kind: str, version: int, backtest_id: str) -> ResponseReturnValue:
    """What was found so far; while it runs the page comes again by itself."""
    with desk.transaction() as session:
        shop = policies.shop_of(session, shop_id, kind)
        document = kept.get(session, shop.id, kind, version)
        view = versions.backtest_view(backtests.get(session, document, desk.id_of("bkt", backtest_id)))
    answer = make_response(
        render_template(
            "admin/backtest.html",
            shop=shop,
            kind=kind,
            version=version,
            view=view,
            sums=_sums(view["result"]),
            segments=_segments(view["result"]),
        )
    )
    if view["state"] in ("waiting", "running"):
        answer.headers["Refresh"] = str(LOOK_AGAIN_S)
    return answer


def _sums(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Contribution before and after per currency."""
    return [{"currency": currency} | _difference(sums) for currency, sums in sorted(result["contribution"].items())]


def _difference(sums: dict[str, int]) -> dict[str, int]:
    return sums | {"difference_minor": sums["after_minor"] - sums["before_minor"]}


def _segments(result: dict[str, Any]) -> list[dict[str, Any]]:
    """One line per segment and currency."""
    return [
        {
            "name": name,
            "value": value,
            "judged": cell["judged"],
            "changed": cell["changed"],
            "currency": currency,
            **_difference(sums),
        }
        for name, values in result["segments"].items()
        for value, cell in sorted(values.items(), key=lambda one: -one[1]["judged"])
        for currency, sums in sorted(cell["contribution"].items())
    ]
