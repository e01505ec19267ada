"""`kulanz shield`: surges of declines, whose payments are declined most, and the rules to put into a policy."""

import json
from datetime import UTC, datetime
from typing import Any

import click
import redis

from gateway.checkout.shield_rules import SHIELD_RULES
from gateway.command_line import Desk, Row, id_of, of_merchant
from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, Unavailable
from gateway.core.ids import to_public
from gateway.risk import shield
from gateway.risk.tries import Surge
from gateway.shops import shops


class CountersAway(Unavailable):
    """The counters of the shield do not answer."""


@click.group("shield")
def shield_group() -> None:
    """Card testing: what the shield sees, and letting somebody off."""


@shield_group.command("status")
@click.option("--top", default=shield.TOP, show_default=True, type=click.IntRange(1, 200), help="How many subjects.")
@of_merchant
def status(desk: Desk, *, top: int) -> list[Row]:
    """Show surges that are held now, then who has most declined cards, by the hash he is counted under.

    \b
    Example: kulanz shield status
    """
    now, merchant_id = clock.now(), merchant_of(desk.session)
    cache = desk.services.cache
    try:
        surges = [
            _surge_row(to_public("shp", shop.id), found)
            for shop in shops.list_shops(desk.session)
            if (found := shield.surge_of(cache, merchant_id, shop.id, now.timestamp())) is not None
        ]
        return surges + [_row(one) for one in shield.top(cache, merchant_id, now.timestamp(), top)]
    except redis.RedisError as error:
        raise CountersAway from error


@shield_group.command("lift")
@click.argument("subject")
@of_merchant
def lift(desk: Desk, *, subject: str) -> Row:
    """Forget the attempts of SUBJECT as `status` prints it (`ip:3f…`), or with surge:shp_… the attempts of a shop.

    \b
    Example: kulanz shield lift ip:3fa2c19be07d5510a4b2c3d4e5f60718
    """
    kind, _, name = subject.partition(":")
    if kind not in (*shield.SUBJECTS, "surge") or not name:
        raise Invalid.at("/subject", f"is one of {', '.join(shield.SUBJECTS)} or surge, a colon, and its hash or shop")
    digest = shops.get(desk.session, id_of("shp", name)).id.hex if kind == "surge" else name
    try:
        lifted = shield.lift(desk.services.cache, merchant_of(desk.session), kind, digest)
    except redis.RedisError as error:
        raise CountersAway from error
    desk.note("shield.lifted", "merchant", merchant_of(desk.session), subject=subject)
    return {"subject": subject, "lifted": lifted}


@shield_group.command("rules")
def rules() -> None:
    """Print the rules of the shipped policy as JSON, to put into the `rules` of a policy of one's own.

    \b
    Example: kulanz shield rules
    """
    click.echo(json.dumps(SHIELD_RULES, ensure_ascii=False, indent=2))


def _surge_row(shop: str, found: Surge) -> dict[str, Any]:
    since, until = (datetime.fromtimestamp(moment, UTC) for moment in (found.since_s, found.until_s))
    return _columns(f"surge:{shop}") | {"declined_percent": found.percent, "since": since, "held_until": until}


def _row(one: shield.Standing) -> dict[str, Any]:
    return _columns(f"{one.subject}:{one.digest}") | {
        "declines_1h": one.hour.declines,
        "cards_1h": one.hour.cards,
        "declines_24h": one.day.declines,
        "cards_24h": one.day.cards,
        "tries_24h": one.day.tries,
        "declined_percent": one.day.declined_percent,
    }


def _columns(subject: str) -> dict[str, Any]:
    """Every column, so that surges and subjects stand in one table."""
    counts = ("declines_1h", "cards_1h", "declines_24h", "cards_24h", "tries_24h", "declined_percent")
    return {"subject": subject} | dict.fromkeys((*counts, "since", "held_until"))
