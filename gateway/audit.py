"""`kulanz audit`: prove that nobody changed, removed or cut off history, and write the anchors out for keeping elsewhere."""

import json
from collections.abc import Iterable
from typing import IO, Protocol
from uuid import UUID

import click

from gateway.command_line import id_of
from gateway.core.anchors import Trail, exported
from gateway.core.errors import GatewayError
from gateway.core.ids import to_public
from gateway.core.services import Services
from gateway.core.verification import Report, verify

Kept = dict[UUID, dict[int, bytes]]


def _merchant_of(_context: click.Context, _option: click.Parameter, public: str) -> UUID | None:
    return id_of("mer", public) if public else None


_MERCHANT = click.option("--merchant", default="", callback=_merchant_of, help="Only this merchant (mer_…).")


class AuditContext(Protocol):
    """What these commands take from the command line's context; it opens services on first use."""

    @property
    def services(self) -> Services: ...

    @property
    def trail(self) -> Trail: ...

    def merchant_ids(self) -> Iterable[UUID]: ...


@click.group()
def audit() -> None:
    """Prove that history is whole; keep its anchors elsewhere."""


@audit.command("verify")
@_MERCHANT
@click.option("--kept", type=click.File(), help="Anchors written earlier by `kulanz audit anchors`, kept elsewhere.")
@click.pass_context
def verify_command(context: click.Context, merchant: UUID | None, kept: IO[str] | None) -> None:
    """Compute every hash again. Names what is broken and ends with status 1, or ends with status 0."""
    operator: AuditContext = context.obj
    anchors = _read_kept(kept) if kept else {}
    merchants = [merchant] if merchant else list(operator.merchant_ids())
    whole = [_verify_one(operator, id_, anchors.get(id_, {})) for id_ in merchants]
    gone = [] if merchant else sorted(anchors.keys() - set(merchants))
    for id_ in gone:
        click.echo(f"merchant {to_public('mer', id_)}: is in the copy kept elsewhere and missing here")
    context.exit(0 if all(whole) and not gone else 1)


@audit.command("anchors")
@_MERCHANT
@click.option("--out", type=click.File("w"), default="-", help="Where to write (default: standard output).")
@click.pass_obj
def anchors_command(operator: AuditContext, merchant: UUID | None, out: IO[str]) -> None:
    """Write all anchors as JSON lines. Kept where this database's owner cannot write, they show a cut-off tail."""
    for id_ in [merchant] if merchant else operator.merchant_ids():
        with operator.services.db.transaction(id_) as session:
            out.writelines(json.dumps(line) + "\n" for line in exported(session))


def _verify_one(operator: AuditContext, merchant_id: UUID, kept: dict[int, bytes]) -> bool:
    try:
        with operator.services.db.transaction(merchant_id) as session:
            report = verify(session, operator.trail, kept)
    except GatewayError as error:
        click.echo(f"merchant {to_public('mer', merchant_id)}: cannot be verified: {error.code}: {error}")
        return False
    for line in described(merchant_id, report):
        click.echo(line)
    return report.sound


def described(merchant_id: UUID, report: Report) -> list[str]:
    """A report for people: one line, and one more for each fault."""
    newest = f"{report.newest_anchor_at:%Y-%m-%d %H:%M} UTC" if report.newest_anchor_at else "none"
    head = (
        f"merchant {to_public('mer', merchant_id)}: {'whole' if report.sound else 'BROKEN'}; {report.entries} entries of "
        f"{report.subjects} subjects, {report.origins} digests, {report.anchored} heads in {report.anchors} anchors "
        f"(newest: {newest})"
    )
    rest = report.faults_total - len(report.faults)
    more = [f"  and {rest} more"] if rest else []
    return [head, *(f"  {fault}" for fault in report.faults), *more]


def _read_kept(lines: Iterable[str]) -> Kept:
    kept: Kept = {}
    for number, line in enumerate(lines, 1):
        try:
            anchor = json.loads(line)
            kept.setdefault(UUID(anchor["merchant"]), {})[int(anchor["no"])] = bytes.fromhex(anchor["hash"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise click.BadParameter(f"line {number} is not an anchor", param_hint="--kept") from error
    return kept
