"""`kulanz merchant|shop|key`: what an operator sets up first."""

from datetime import timedelta
from typing import Any

import click
from sqlalchemy import select

from gateway.command_line import AS_JSON, SHOP, Desk, OperatorContext, Row, id_of, of_merchant, tell
from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.merchants import auth, merchants, users
from gateway.merchants.models import ApiKey
from gateway.shops import shops
from gateway.shops.shops import NewShop, Platform


@click.group()
def merchant() -> None:
    """Merchants: our customers, each with data of its own."""


@merchant.command("create")
@click.argument("name")
@click.option("--country", default="DE", show_default=True, help="ISO 3166 code.")
@AS_JSON
@click.pass_obj
def create_merchant(operator: OperatorContext, name: str, country: str, *, as_json: bool) -> None:
    """Create a merchant with keys of its own.

    \b
    Example: kulanz merchant create "Muster & Söhne" --country DE
    """
    opened_services = operator.services
    merchant_id = merchants.create(opened_services.db, opened_services.keyring, name, country, clock.now())
    tell({"id": to_public("mer", merchant_id), "name": name}, as_json=as_json)


@merchant.command("list")
@AS_JSON
@click.pass_obj
def list_merchants(operator: OperatorContext, *, as_json: bool) -> None:
    """List merchants.

    \b
    Example: kulanz merchant list
    """
    rows = []
    for merchant_id in merchants.list_ids(operator.services.db, with_closed=True):
        with operator.services.db.transaction(merchant_id) as session:
            rows.append(_merchant_row(merchants.get(session)))
    tell(rows, as_json=as_json)


@merchant.command("show")
@of_merchant
def show_merchant(desk: Desk) -> Row:
    """Show one merchant with its shops and users.

    \b
    Example: kulanz merchant show --merchant mer_01m80jtwssevksa7y719cbahm4
    """
    people = users.list_users(desk.session, desk.keyring)
    return {
        **_merchant_row(merchants.get(desk.session)),
        "shops": [f"{each.name} ({to_public('shp', each.id)})" for each in shops.list_shops(desk.session)],
        "users": [f"{each.email} ({each.role})" for each in people],
    }


def _merchant_row(facts: merchants.MerchantFacts) -> dict[str, Any]:
    return {
        "id": to_public("mer", facts.id),
        "name": facts.name,
        "country": facts.country,
        "created": facts.created_at,
        "closed": facts.closed_at,
    }


@click.group()
def shop() -> None:
    """Shops: storefronts of a merchant."""


@shop.command("create")
@click.argument("name")
@click.option(
    "--platform", type=click.Choice([each.value for each in Platform]), default=Platform.API.value, show_default=True
)
@click.option("--live/--test", default=False, help="A test shop sends nothing outside. [default: --test]")
@click.option("--currency", default="EUR", show_default=True, help="ISO 4217 code.")
@click.option("--country", default="DE", show_default=True, help="ISO 3166 code.")
@click.option("--timezone", default="Europe/Berlin", show_default=True, help="IANA zone.")
@click.option("--language", default="de", show_default=True, help="ISO 639-1 code.")
@click.option("--holds-orders", is_flag=True, help="Orders can wait for a deposit.")
@of_merchant
def create_shop(desk: Desk, **facts: Any) -> Row:
    """Create a shop with its first signing key.

    \b
    Example: kulanz shop create Musterladen --platform woocommerce --live --holds-orders
    """
    made = shops.create(desk.session, desk.keyring, NewShop(**facts), clock.now())
    desk.note("shop.created", "shop", made.id, live=made.live, platform=made.platform)
    return _shop_row(made)


@shop.command("list")
@of_merchant
def list_of_shops(desk: Desk) -> list[Row]:
    """List the shops of a merchant.

    \b
    Example: kulanz shop list
    """
    return [_shop_row(each) for each in shops.list_shops(desk.session)]


@shop.command("rotate-key")
@SHOP
@click.option("--retire", default="", help="Retire this key id: its tokens verify no more.")
@of_merchant
def rotate_key(desk: Desk, *, shop: str, retire: str) -> Row:
    """Sign decision tokens with a new key; the older ones verify until they are retired.

    \b
    Example: kulanz shop rotate-key
    Example: kulanz shop rotate-key --retire k1
    """
    shop_id = desk.shop(shop)
    if retire:
        shops.retire_signing_key(desk.session, shop_id, retire, clock.now())
    else:
        shops.rotate_signing_key(desk.session, desk.keyring, shop_id, clock.now())
    keys = shops.signing_keys(desk.session, desk.keyring, shop_id)
    desk.note("shop.key-retired" if retire else "shop.key-rotated", "shop", shop_id, kid=retire or keys.kid)
    return {"signs": keys.kid, "verify": sorted(keys.keys)}


@shop.command("close")
@click.argument("shop_id")
@click.confirmation_option(prompt="Its API keys and connections will stop working. Close it?")
@of_merchant
def close_shop(desk: Desk, *, shop_id: str) -> Row:
    """Close a shop: its API keys are revoked and its connections end.

    \b
    Example: kulanz shop close shp_01m80jtwssevksa7y719cbahm4 --yes
    """
    id_ = id_of("shp", shop_id)
    shops.close(desk.session, id_, clock.now())
    desk.note("shop.closed", "shop", id_)
    return _shop_row(shops.get(desk.session, id_))


def _shop_row(facts: shops.ShopFacts) -> Row:
    return {
        "id": to_public("shp", facts.id),
        "name": facts.name,
        "platform": facts.platform,
        "live": facts.live,
        "currency": facts.currency,
        "country": facts.country,
        "timezone": facts.timezone,
        "language": facts.language,
        "holds_orders": facts.holds_orders,
        "closed": facts.closed_at,
    }


@click.group("key")
def key() -> None:
    """API keys of shops."""


@key.command("create")
@SHOP
@click.option("--name", default="key", show_default=True, help="To recognise it by.")
@click.option("--scope", "scopes", multiple=True, help="May be given several times; those of a shop when absent.")
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires; never when absent.")
@of_merchant
def create_key(desk: Desk, *, shop: str, name: str, scopes: tuple[str, ...], days: int | None) -> Row:
    """Create an API key and print it, this once.

    \b
    Example: kulanz key create --name plugin --scope decisions:write --scope orders:write
    """
    facts, now = shops.get(desk.session, desk.shop(shop)), clock.now()
    if facts.closed_at is not None:
        raise shops.ShopClosed
    expires_at = now + timedelta(days=days) if days else None
    new = auth.NewKey(facts.id, facts.live, name, frozenset(scopes) or auth.SHOP_SCOPES, expires_at)
    row, secret = auth.create_key(desk.session, new, now)
    desk.note("key.created", "api_key", row.id, scopes=sorted(row.scopes), shop=to_public("shp", facts.id))
    return {"id": to_public("key", row.id), "key": secret, "scopes": row.scopes, "expires": row.expires_at}


@key.command("list")
@of_merchant
def list_keys(desk: Desk) -> list[Row]:
    """List API keys; the secrets are stored nowhere.

    \b
    Example: kulanz key list
    """
    mine = select(ApiKey).where(ApiKey.merchant_id == merchant_of(desk.session)).order_by(ApiKey.id)
    return [
        {
            "id": to_public("key", row.id),
            "name": row.name,
            "key": row.hint,
            "shop": to_public("shp", row.shop_id),
            "scopes": row.scopes,
            "expires": row.expires_at,
            "revoked": row.revoked_at,
        }
        for row in desk.session.scalars(mine)
    ]


@key.command("revoke")
@click.argument("key_id")
@of_merchant
def revoke_key(desk: Desk, *, key_id: str) -> Row:
    """Revoke an API key; it stops working within seconds.

    \b
    Example: kulanz key revoke key_01m80jtwssevksa7y719cbahm4
    """
    id_ = id_of("key", key_id)
    auth.revoke_key(desk.session, id_, clock.now())
    desk.note("key.revoked", "api_key", id_)
    return {"key": key_id, "revoked": True}
