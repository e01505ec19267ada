"""Orders at the desk: a shop's orders, the newest first, and one with what happened to it."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from gateway.admin import desk
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.shops import listing, shops
from gateway.shops.lifecycle import OrderState
from gateway.shops.listing import Page

PAGE = 40


def index() -> ResponseReturnValue:
    with desk.transaction() as session:
        known = shops.list_shops(session)
        asked = request.args.get("shop", "")
        shop = next((one for one in known if to_public("shp", one.id) == asked), known[0] if known else None)
        state = request.args.get("state", "")
        page = Page(request.args.get("before", ""), PAGE, state if state in set(OrderState) else "")
        found = listing.list_orders(session, shop, page) if shop else {"orders": [], "next_cursor": None}
    return render_template(
        "admin/orders.html",
        orders=found["orders"],
        shops=known,
        shop=shop,
        states=list(OrderState),
        next_url=desk.next_url(found["next_cursor"]),
    )


def show(shop_id: str, reference: str) -> ResponseReturnValue:
    with desk.transaction() as session:
        shop = shops.get(session, desk.id_of("shp", shop_id))
        order = listing.get_order(session, services().keyring, shop, reference)
    return render_template("admin/order.html", order=order, shop=shop)
