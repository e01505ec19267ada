"""`kulanz dunning`: the dunning policy, what leaves in the coming days, and nights that are run by hand."""

import json
import sys

import click

from gateway import question_file
from gateway.command_line import MERCHANT, SHOP, Desk, OperatorContext, Row, of_merchant, open_desk
from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.ids import from_public, to_public
from gateway.core.money import Money
from gateway.law import store
from gateway.merchants import policies
from gateway.merchants.audit import SYSTEM
from gateway.receivables import days, dunning, dunning_lint, dunning_versions, nightly, preview
from gateway.receivables.dunning_policy import CHANNELS, KINDS
from gateway.receivables.keys import Keys
from gateway.receivables.nightly import Night

KIND = dunning_versions.KIND


@click.group("dunning")
def dunning_group() -> None:
    """Reminders and dunning letters: policy, preview, nights."""


@dunning_group.command("list")
@SHOP
@of_merchant
def list_command(desk: Desk, *, shop: str) -> list[Row]:
    """List the versions of the policy, the newest first; none means the shipped default is live.

    \b
    Example: kulanz dunning list
    """
    shop_id = desk.shop(shop)
    live = dunning_versions.live_version(desk.session, shop_id)
    views = [dunning_versions.view(one, live) for one in policies.history(desk.session, shop_id, KIND)]
    return [{name: view[name] for name in ("version", "stage", "created_at", "author", "note", "id")} for view in views]


@dunning_group.command("show")
@click.argument("version", type=click.IntRange(0), required=False)
@SHOP
@MERCHANT
@click.pass_obj
def show_command(operator: OperatorContext, /, merchant: str, shop: str, version: int | None) -> None:
    """Print a policy as JSON: VERSION, or the one that is live; 0 is the shipped default.

    \b
    Example: kulanz dunning show > dunning.json
    """
    with open_desk(operator, merchant) as desk:
        shop_id = desk.shop(shop)
        number = dunning_versions.live_version(desk.session, shop_id) if version is None else version
        body = dunning_versions.body_of(desk.session, shop_id, number)
    click.echo(json.dumps(body, ensure_ascii=False, indent=2))


@dunning_group.command("check")
@click.argument("file")
@of_merchant
def check_command(_: Desk, *, file: str) -> Row:
    """Check a policy (JSON or YAML; - for standard input). Nothing is kept.

    \b
    Example: kulanz dunning check dunning.json
    """
    warnings = dunning_lint.check(question_file.read(file, sys.stdin.buffer))
    return {"check": "passed", "warnings": _lines(warnings)}


@dunning_group.command("save")
@click.argument("file")
@click.option("--note", default="", help="Why this change.")
@click.option("--live", "make_live", is_flag=True, help="Claims that begin from now on follow it.")
@SHOP
@of_merchant
def save_command(desk: Desk, *, file: str, note: str, make_live: bool, shop: str) -> Row:
    """Check a policy and keep it as a draft, or make it live at once.

    \b
    Example: kulanz dunning save dunning.json --note "second letter on paper"
    """
    shop_id, body = desk.shop(shop), question_file.read(file, sys.stdin.buffer)
    kept = dunning_versions.save(desk.session, shop_id, body, SYSTEM, note[:300], clock.now())
    version = kept.document.version
    desk.note("dunning-policy.saved", "shop", shop_id, version=version)
    if make_live:
        policies.activate(desk.session, shop_id, KIND, version, clock.now(), SYSTEM)
        desk.note("dunning-policy.activated", "shop", shop_id, version=version)
    return {"version": version, "live": make_live, "warnings": _lines(kept.warnings)}


@dunning_group.command("live")
@click.argument("version", type=click.IntRange(1))
@SHOP
@of_merchant
def live_command(desk: Desk, *, version: int, shop: str) -> Row:
    """Make a version live: claims that begin from now on follow it, those that have begun keep theirs.

    \b
    Example: kulanz dunning live 2
    """
    shop_id = desk.shop(shop)
    policies.activate(desk.session, shop_id, KIND, version, clock.now(), SYSTEM)
    desk.note("dunning-policy.activated", "shop", shop_id, version=version)
    return {"live": version}


@dunning_group.command("rollback")
@SHOP
@of_merchant
def rollback_command(desk: Desk, *, shop: str) -> Row:
    """Let the version that was live before be live again.

    \b
    Example: kulanz dunning rollback
    """
    shop_id = desk.shop(shop)
    version = policies.rollback(desk.session, shop_id, KIND, clock.now(), SYSTEM)
    desk.note("dunning-policy.rolled-back", "shop", shop_id, version=version)
    return {"live": version}


@dunning_group.command("preview")
@click.option("--days", "count", type=click.IntRange(1, preview.MOST_DAYS), default=30, show_default=True)
@click.option("--kind", type=click.Choice(KINDS), default=None, help="Only steps of this kind.")
@click.option("--channel", type=click.Choice(CHANNELS), default=None, help="Only what goes this way.")
@click.option("--limit", type=click.IntRange(1, 1000), default=200, show_default=True, help="Letters at most.")
@SHOP
@of_merchant
def preview_command(
    desk: Desk, *, count: int, kind: str | None, channel: str | None, limit: int, shop: str
) -> list[Row]:
    """Print what leaves in the coming days if nobody pays and nothing happens. Nothing is changed.

    \b
    Example: kulanz dunning preview --days 14 --kind final
    """
    shop_id = desk.shop(shop) if shop else None
    wanted = preview.Wanted(count, shop_id, kind or "", channel or "", limit)
    found = preview.preview(desk.session, wanted, clock.now())
    return [
        {
            "day": letter["day"].isoformat(),
            "step": letter["step"],
            "channel": letter["channel"],
            "debtor": letter["debtor"],
            "claims": len(letter["claims"]),
            "owed": f"{Money(letter['owed_minor'], letter['currency']).decimal()} {letter['currency']}",
            "fee": Money(letter["fee_minor"], letter["currency"]).decimal(),
            "until": letter["deadline"].isoformat(),
        }
        for letter in found.letters
    ]


@dunning_group.command("next")
@click.argument("claim")
@of_merchant
def next_command(desk: Desk, *, claim: str) -> Row:
    """Say what is next for a CLAIM (clm_…), or until when and why nothing is sent.

    \b
    Example: kulanz dunning next clm_01m80jtwssevksa7y719cbahm4
    """
    found = preview.next_of(desk.session, from_public("clm", claim), clock.now())
    coming = found.pop("coming")
    told = f"{coming['step']} on {coming['day']} by {coming['channel']}" if coming else None
    return found | {"coming": told}


@dunning_group.command("follow-live")
@click.argument("claims", nargs=-1, required=True)
@of_merchant
def follow_live_command(desk: Desk, *, claims: tuple[str, ...]) -> Row:
    """Let CLAIMS (clm_…) follow the live version instead of the one they began with.

    \b
    Example: kulanz dunning follow-live clm_01m80jtwssevksa7y719cbahm4
    """
    ids = [id_ for one in claims if (id_ := from_public("clm", one)) is not None]
    moved = dunning.move_to_live(desk.session, Keys(desk.keyring), ids, SYSTEM, clock.now())
    return {"moved": moved}


@dunning_group.command("run")
@MERCHANT
@click.pass_obj
def run_command(operator: OperatorContext, /, merchant: str) -> None:
    """Run tonight's work now; run again it finds nothing due.

    \b
    Example: kulanz dunning run
    """
    now = clock.now()
    with open_desk(operator, merchant) as desk:
        merchant_id, tables = merchant_of(desk.session), store.load(desk.session)
    night = Night(Keys(operator.services.keyring), tables, now, days.today("DE", now))
    done = nightly.run(operator.services.db, merchant_id, night)
    click.echo(f"{to_public('mer', merchant_id)}: {done.seen} claims seen, {done.drafted} letters drafted")


def _lines(warnings: list[dict[str, str]]) -> list[str] | None:
    return [f"{one['path']}: {one['message']}" for one in warnings] or None
