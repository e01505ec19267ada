"""`kulanz policy`: what decides in a shop, its versions, their stages, and what they would have done."""

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import click

from gateway import answer_text, question_file
from gateway.checkout import backtests, documents, versions
from gateway.checkout.versions import Standing
from gateway.command_line import AS_JSON, MERCHANT, SHOP, Desk, OperatorContext, Row, of_merchant, open_desk, tell
from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.ids import to_public
from gateway.core.money import Money
from gateway.merchants import policies
from gateway.merchants.audit import SYSTEM
from gateway.shops import shops

_KIND = click.option(
    "--kind",
    type=click.Choice(list(documents.COMPILERS)),
    default="checkout",
    show_default=True,
    help="Which document.",
)
MOST_ROUNDS = backtests.MOST // backtests.BITE + 10


@click.group()
def policy() -> None:
    """What decides in a shop: versions, stages, backtests."""


@policy.command("list")
@SHOP
@_KIND
@of_merchant
def list_of_policies(desk: Desk, *, shop: str, kind: str) -> list[Row]:
    """List versions, the newest first, each with its stage.

    \b
    Example: kulanz policy list
    Example: kulanz policy list --kind economics
    """
    shop_id = desk.shop(shop)
    standing = versions.standings(desk.session, shop_id)
    views = [versions.view(each, standing) for each in policies.history(desk.session, shop_id, kind)]
    names = ("version", "stage", "percent", "created_at", "author", "note", "id")
    return [{name: view[name] for name in names} for view in views]


@policy.command("show")
@click.argument("version", type=click.IntRange(0), required=False)
@SHOP
@_KIND
@MERCHANT
@click.pass_obj
def show_command(operator: OperatorContext, /, merchant: str, shop: str, kind: str, version: int | None) -> None:
    """Print a document as JSON: VERSION, or the one that is live; 0 is the shipped default.

    \b
    Example: kulanz policy show > policy.json
    """
    with open_desk(operator, merchant) as desk:
        shop_id = desk.shop(shop)
        number = policies.live_versions(desk.session, shop_id).get(kind, 0) if version is None else version
        body = policies.get(desk.session, shop_id, kind, number).body if number else documents.DEFAULTS[kind]
    click.echo(json.dumps(body, ensure_ascii=False, indent=2))


@policy.command("check")
@click.argument("file")
@SHOP
@_KIND
@of_merchant
def check_command(desk: Desk, *, file: str, shop: str, kind: str) -> Row:
    """Check a document (JSON or YAML; - for standard input) and try it on the newest decisions. Nothing is kept.

    \b
    Example: kulanz policy check policy.json
    """
    facts = shops.get(desk.session, desk.shop(shop))
    checked = versions.check(desk.session, facts, kind, _read(file), clock.now())
    return {"check": "passed"} | _found(checked)


@policy.command("save")
@click.argument("file")
@click.option("--note", default="", help="Why this change.")
@SHOP
@_KIND
@of_merchant
def save_command(desk: Desk, *, file: str, note: str, shop: str, kind: str) -> Row:
    """Check a document and keep it as a draft, which decides nothing yet.

    \b
    Example: kulanz policy save policy.json --note "invoices up to 500 EUR"
    """
    facts = shops.get(desk.session, desk.shop(shop))
    document, checked = versions.save(desk.session, facts, kind, _read(file), SYSTEM, note[:300], clock.now())
    desk.note("policy.saved", "shop", facts.id, kind=kind, version=document.version)
    return {"version": document.version, "id": to_public("pol", document.id)} | _found(checked)


@policy.command("stage")
@click.argument("version", type=click.IntRange(1))
@click.argument("stage", type=click.Choice(versions.STAGES))
@click.option("--percent", type=click.IntRange(1, 99), help="Share of the buyers, with the stage share.")
@SHOP
@_KIND
@of_merchant
def stage_command(desk: Desk, *, version: int, stage: str, percent: int | None, shop: str, kind: str) -> Row:
    """Put a version into a stage: shadow judges without acting, share decides for some buyers, live decides.

    draft takes a version back from its trial.

    \b
    Example: kulanz policy stage 4 shadow
    Example: kulanz policy stage 4 share --percent 10
    Example: kulanz policy stage 4 live
    """
    shop_id = desk.shop(shop)
    document = policies.get(desk.session, shop_id, kind, version)
    versions.move(desk.session, document, Standing(stage, percent), clock.now(), SYSTEM)
    desk.note("policy.staged", "shop", shop_id, kind=kind, version=version, stage=stage, percent=percent)
    return _acting(desk, shop_id, kind)


@policy.command("rollback")
@SHOP
@_KIND
@of_merchant
def rollback_command(desk: Desk, *, shop: str, kind: str) -> Row:
    """Undo what changed last: end a running share, or let the version that was live before decide again.

    \b
    Example: kulanz policy rollback
    """
    shop_id = desk.shop(shop)
    version = policies.rollback(desk.session, shop_id, kind, clock.now(), SYSTEM)
    desk.note("policy.rolled-back", "shop", shop_id, kind=kind, version=version)
    return _acting(desk, shop_id, kind)


@policy.command("backtest")
@click.argument("version", type=click.IntRange(1))
@click.option("--days", type=click.IntRange(1, 730), default=90, show_default=True, help="How far back.")
@click.option(
    "--limit",
    type=click.IntRange(1, backtests.MOST),
    default=10_000,
    show_default=True,
    help="Decisions at most, the newest first.",
)
@click.option("--queue", is_flag=True, help="Leave it to the worker and print its id.")
@SHOP
@_KIND
@MERCHANT
@AS_JSON
@click.pass_obj
def backtest_command(  # noqa: PLR0913, PLR0917 - an option each
    operator: OperatorContext,
    /,
    merchant: str,
    shop: str,
    kind: str,
    version: int,
    days: int,
    limit: int,
    *,
    queue: bool,
    as_json: bool,
) -> None:
    """Judge stored decisions by VERSION and print which menus would have changed, and what that would have been worth.

    The worker takes part, and finishes it if this command is cut off.

    \b
    Example: kulanz policy backtest 4 --days 30
    """
    now = clock.now()
    with open_desk(operator, merchant) as desk:
        document = policies.get(desk.session, desk.shop(shop), kind, version)
        asked = backtests.Asked(now - timedelta(days=days), now, limit)
        row = backtests.start(desk.session, document, asked, SYSTEM, now)
        desk.note("policy.backtested", "shop", document.shop_id, kind=kind, version=version)
        merchant_id, view = merchant_of(desk.session), versions.backtest_view(row)
    if queue:
        tell({"id": view["id"], "state": view["state"]}, as_json=as_json)
        return
    with click.progressbar(length=limit, label="decisions", file=sys.stderr) as bar:
        for _ in range(MOST_ROUNDS):
            with operator.services.db.transaction(merchant_id) as session:
                more = backtests.bite(session, row.id, clock.now())
                view = versions.backtest_view(backtests.get(session, document, row.id))
            bar.update(view["done"] - bar.pos)
            if not more:
                break
    click.echo(json.dumps(view, ensure_ascii=False, indent=2, default=str) if as_json else summary(view))


def summary(view: Mapping[str, Any]) -> str:
    """A backtest in columns, for a terminal."""
    result = view["result"]
    judged, changed = result["judged"], result["changed"]
    lines = [f"{changed:,} of {judged:,} menus would have changed; {sum(result['errors'].values()):,} not judged"]
    lines += [_money(currency, sums) for currency, sums in result["contribution"].items()]
    rows: list[tuple[str, ...]] = [("", "judged", "changed", "contribution before", "after")]
    for name, values in result["segments"].items():
        rows += [_segment(f"{name} {value}", cell) for value, cell in sorted(values.items())]
    moves = [(kind, *(f"{counted[what]}" for what in _MOVES)) for kind, counted in sorted(result["kinds"].items())]
    heads = ("method", *(what.replace("_", " ") for what in _MOVES))
    sample = [
        (one["decision"], _menu(one["before"]), _menu(one["after"]), _amount(one["delta_minor"], one["currency"]))
        for one in result["sample"][:10]
    ]
    lines += ["", *answer_text.table(rows)]
    lines += ["", *answer_text.table([heads, *moves])] if moves else []
    lines += ["", *answer_text.table([("decision", "before", "after", "difference"), *sample])] if sample else []
    return "\n".join(lines)


_MOVES = ("opened", "closed", "deposit_up", "deposit_down")


def _money(currency: str, sums: Mapping[str, int]) -> str:
    before, after = sums["before_minor"], sums["after_minor"]
    return (
        f"expected contribution {_amount(before, currency)} before, {_amount(after, currency)} after "
        f"({_amount(after - before, currency)})"
    )


def _segment(name: str, cell: Mapping[str, Any]) -> tuple[str, ...]:
    both = cell["contribution"].items()
    before = ", ".join(_amount(sums["before_minor"], currency) for currency, sums in both)
    after = ", ".join(_amount(sums["after_minor"], currency) for currency, sums in both)
    return name, f"{cell['judged']}", f"{cell['changed']}", before, after


def _amount(minor: int, currency: str) -> str:
    return f"{Money(minor, currency).decimal()} {currency}"


def _menu(shown: list[list[Any]]) -> str:
    return " > ".join(f"{method} ({deposit} %)" if deposit else method for method, deposit in shown) or "-"


def _found(checked: versions.Checked) -> dict[str, Any]:
    tried = checked.dry_run
    words = f"would have changed {tried['changed']} of the {tried['judged']} newest decisions"
    return {"tried": words, "warnings": [f"{one['path']}: {one['message']}" for one in checked.warnings] or None}


def _acting(desk: Desk, shop_id: UUID, kind: str) -> Row:
    found = next(one for one in versions.acting(desk.session, shop_id) if one["kind"] == kind)
    share = found["share"]
    told = f"version {share['version']} for {share['percent']} % of the buyers" if share else None
    return {"kind": kind, "live": found["live"], "share": told, "shadow": found["shadow"]}


def _read(file: str) -> Any:
    return question_file.read(file, sys.stdin.buffer)
