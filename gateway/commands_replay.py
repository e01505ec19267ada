"""`kulanz replay`: a stored decision made again, or a file of past orders through facts, score and policy."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import click

from gateway import answer_text, question_file
from gateway.checkout import api as checkout_api
from gateway.checkout import documents
from gateway.checkout.replay import Replayed, replay_decision
from gateway.commands_decide import DecisionOfNobody, OperatorContext, operator_of
from gateway.core.errors import Invalid
from gateway.core.ids import from_public
from gateway.merchants import policies
from gateway.replay import rows, show
from gateway.replay.judge import Rules, judge
from gateway.replay.mapping import FileMapping, compile_mapping, reader
from gateway.replay.run import COLUMNS, FAULT_COLUMNS, Counted, Steps, run, table
from gateway.replay.tally import Tally
from gateway.risk import card as cards
from gateway.risk.facts import CATALOGUE

TICK_ROWS = 200
"""After how many rows the progress bar moves."""


class NothingReplayed(Invalid):
    """No row of the file could be replayed."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the options of the command say."""

    mapping: str
    policy: str
    economics: str
    model: str
    shop: str
    limit: int
    out: str
    errors: str
    segment: str
    as_json: bool


@click.command("replay")
@click.argument("target", metavar="DECISION|FILE")
@click.option(
    "--mapping", default="", metavar="FILE", help="Which column means what (YAML or JSON); a CSV file needs it."
)
@click.option("--policy", default="", metavar="FILE", help="A policy document; the shipped one when there is none.")
@click.option("--economics", default="", metavar="FILE", help="A document of the merchant's figures; else the priors.")
@click.option("--model", default="", metavar="FILE", help="A score card; the shipped one when there is none.")
@click.option("--shop", default="", help="Policy and figures that are live in this shop (shp_…); needs the database.")
@click.option("--limit", default=0, type=click.IntRange(0), help="At most so many rows.")
@click.option("--out", default="", metavar="FILE", help="Write each row's decision as CSV.")
@click.option("--errors", default="", metavar="FILE", help="Write each fault with its line as CSV.")
@click.option(
    "--segment", default="", metavar="FACT", help="Compare by this fact; by the order total when there is none."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def replay_command(context: click.Context, /, target: str, **options: Any) -> None:
    """Make the stored decision DECISION (dec_…) again, or replay FILE: CSV or JSON lines of past orders.

    For a decision the exit status is 1 when the answer is another one. A file needs no database; see docs/replay.md.

    \b
    Example: kulanz replay dec_01m80jtwssevksa7y719cbahm4
    Example: kulanz replay orders.csv --mapping orders.yaml --policy policy.json --out result.csv --errors errors.csv
    """
    if target.startswith("dec_"):
        _replay_decision(context, target)
    else:
        _replay_file(context.obj, target, Options(**options))


def _replay_decision(context: click.Context, decision_id: str) -> None:
    replayed = _replayed(context.obj, decision_id)
    if replayed.same:
        click.echo("same")
        return
    if not replayed.intact:
        click.echo("The row is not the one that was written: its digest differs.")
    for difference in replayed.differences:
        click.echo(f"{difference.path}: {_short(difference.stored)} stored, {_short(difference.again)} now")
    context.exit(1)


def _replayed(context: OperatorContext, public_id: str) -> Replayed:
    decision_id = from_public("dec", public_id)
    if decision_id is None:
        raise DecisionOfNobody
    for merchant_id in context.merchant_ids():
        with context.services.db.connection(merchant_id) as connection:
            try:
                return replay_decision(connection, merchant_id, decision_id)
            except checkout_api.DecisionUnknown:
                continue
    raise DecisionOfNobody


def _short(value: Any) -> str:
    return answer_text.printable(json.dumps(value, ensure_ascii=False))[:200]


def _replay_file(context: OperatorContext, name: str, options: Options) -> None:
    if options.segment and options.segment not in CATALOGUE:
        raise Invalid.at("/segment", "no such fact; see `kulanz facts`")
    _refuse_overwriting(name, options)
    mapping = compile_mapping(question_file.read(options.mapping, sys.stdin.buffer) if options.mapping else {})
    rules, versions = _rules(context, options)
    if {f"score.{output}" for output in cards.OUTPUTS} <= mapping.told_paths:
        versions["card"] = "none, every score is in the file"
    tally, began, used = Tally(options.segment), time.monotonic(), time.process_time()
    counted = _run(name, options, mapping, rules, tally)
    told = show.summary(tally, counted, versions)
    if options.as_json:
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        took = show.Took(time.monotonic() - began, time.process_time() - used)
        for line in show.lines(told, took):
            click.echo(answer_text.printable(line))
    if counted.bad and not counted.rows:
        raise NothingReplayed


def _refuse_overwriting(name: str, options: Options) -> None:
    """What is read is not written over, and two results do not go into one file."""
    read = [part for part in (name, options.mapping, options.policy, options.economics, options.model) if part]
    written = [part for part in (options.out, options.errors) if part]
    places = [Path(part).resolve() for part in written]
    if len(set(places)) < len(places) or {Path(part).resolve() for part in read} & set(places):
        raise Invalid.at("/out", "would overwrite a file that is read, or the other result")


def _rules(context: OperatorContext, options: Options) -> tuple[Rules, dict[str, str]]:
    """What decides, and what to call it."""
    bodies = {"checkout": documents.DEFAULTS["checkout"], "economics": documents.DEFAULTS["economics"]}
    names = {"policy": "shipped", "economics": "priors"}
    if options.shop:
        bodies, names = _of_shop(context, options.shop)
    for kind, name, file in (("checkout", "policy", options.policy), ("economics", "economics", options.economics)):
        if file:
            bodies[kind], names[name] = question_file.read(file, sys.stdin.buffer), file
    card = cards.load(_text_of(options.model)) if options.model else cards.expert()
    rules = Rules(
        card=card,
        policy=documents.compile_policy(bodies["checkout"], 0),
        economics=documents.compile_economics(bodies["economics"], 0),
    )
    return rules, {"card": card.id} | names


def _text_of(name: str) -> str:
    try:
        return Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise question_file.FileUnreadable(f"{name}: {getattr(error, 'strerror', None) or 'is not text'}") from error


def _of_shop(context: OperatorContext, public_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    who = operator_of(context, public_id)
    with context.services.db.transaction(who.merchant_id) as session:
        live = policies.live_versions(session, who.shop_id)
        bodies = {
            kind: policies.get(session, who.shop_id, kind, live[kind]).body if live.get(kind) else default
            for kind, default in documents.DEFAULTS.items()
        }
    return bodies, {"policy": str(live.get("checkout", 0)), "economics": str(live.get("economics", 0))}


def _run(name: str, options: Options, mapping: FileMapping, rules: Rules, tally: Tally) -> Counted:
    with (
        rows.open_file(name, sys.stdin.buffer) as file,
        table(options.out, COLUMNS) as result,
        table(options.errors, FAULT_COLUMNS) as errors,
    ):
        opened = rows.open_rows(file, name, mapping.layout)
        steps = Steps(reader(mapping, opened.columns), judge(rules, mapping), tally, result, errors)
        with _progress(name, file, opened) as tick:
            return run(opened, steps, options.limit, tick)


@contextmanager
def _progress(name: str, file: Any, opened: rows.Rows) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while that is a terminal and the length of the file is known."""
    length = os.fstat(cast("BinaryIO", file).fileno()).st_size if name != "-" and not name.endswith(".gz") else 0
    hidden = not (length and sys.stderr.isatty())
    with click.progressbar(length=length or 1, label="replay", file=sys.stderr, hidden=hidden) as bar:
        seen = 0

        def tick(number: int) -> None:
            nonlocal seen
            if not hidden and number % TICK_ROWS == 0:
                bar.update(opened.bytes_read - seen)
                seen = opened.bytes_read

        yield tick
