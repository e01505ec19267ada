"""`kulanz model`: train, check and read model files; keep them for a shop, and say which one acts."""

import importlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import click

from gateway import commands_card
from gateway.backup import FileUnwritable
from gateway.command_line import SHOP, Desk, Row, id_of, of_merchant
from gateway.core import clock
from gateway.core.errors import GatewayError, Invalid
from gateway.core.ids import to_public
from gateway.merchants import audit
from gateway.question_file import FileUnreadable
from gateway.risk import card as cards
from gateway.risk import champions, model_file, training_data
from gateway.risk.champions import CHALLENGER, CHAMPION, RETIRED, Act, Kept, ModelUnknown
from gateway.risk.facts import CATALOGUE
from gateway.risk.model_file import Card

_NEEDED = ("lightgbm", "numpy")
BASE = "expert-1"


class TrainingMissing(GatewayError):
    """Training needs LightGBM: in a clone, .venv/bin/pip install -e '.[train]'."""

    status = 501


@click.group()
def model() -> None:
    """Models that score a checkout: files of tables and small trees, one champion and up to two challengers per shop."""


@model.command("train")
@click.argument("file")
@click.option("--id", "id_", required=True, help="Id of the new model, for example trees-2026-11.")
@click.option("--out", default="", help="Where to write it. [default: ID.json]")
@click.option("--base", default=BASE, show_default=True, help="The model in use: a file or the id of a shipped one.")
@click.option("--currency", default="", help="ISO 4217 code of the amounts, where FILE has no column `currency`.")
@click.option("--ignore", multiple=True, help="Leave this column out; repeatable.")
@click.option("--outcome", "outcomes", multiple=True, help="For a model outside the checkout: its outcome; repeatable.")
@click.option("--note", default="", help="What people should know about it; kept in the file.")
def train(file: str, id_: str, out: str, base: str, **options: Any) -> None:
    """Train a model from FILE: facts and what became of the orders, as CSV or JSON lines (- for standard input).

    Columns are facts (`kulanz facts`) and the outcomes default, fraud, return (1 bad, 0 good, empty not known yet);
    weight, date and live may stand beside them. Rows of test shops (live false) are refused: they never train a model.
    How much is learned depends on how many orders went bad: below 50 the base rate only, from 50 tables, above 200
    trees. No file is written unless it says exactly what was trained.

    \b
    Example: kulanz model train orders.csv --id trees-2026-11
    """
    training = _training()
    model_file.model_id(id_)  # before the minutes that training takes
    reading = training_data.Reading(options["outcomes"], frozenset(options["ignore"]), options["currency"])
    text = "" if reading.free else _text(base)
    in_use = model_file.load(text) if text else None
    data = training_data.read(_read(file), reading, in_use)
    order = training.Order(id_, options["note"], clock.now().date(), in_use, json.loads(text) if text else None)
    made = model_file.dump(training.train(data, order, click.echo))
    target = Path(out or f"{id_}.json")
    _write(target, made)
    click.echo(f"written to {target} ({len(made) // 1000 + 1} kB)")


@model.command("check")
@click.argument("file")
def check(file: str) -> None:
    """Read a model file to the last field; exit status 2 with the place of every fault.

    \b
    Example: kulanz model check trees-2026-11.json
    """
    card = model_file.load(_read(file))
    outputs = ", ".join(f"{name} ({_size(card, name)})" for name in card.outputs)
    click.echo(f"{card.id} is sound: {len(card.features)} features; {outputs}; sha256:{card.digest}")


@model.command("show")
@click.argument("file_or_id")
def show(file_or_id: str) -> None:
    """Print a model file, or a shipped model, for people.

    \b
    Example: kulanz model show expert-1
    Example: kulanz model show trees-2026-11.json
    """
    click.echo(described(_text(file_or_id)), nl=False)


@model.command("add")
@click.argument("file_or_id")
@SHOP
@of_merchant
def add(desk: Desk, *, file_or_id: str, shop: str) -> Row:
    """Keep a model file (or a shipped model) for a shop. It plays no part until it is challenger or champion.

    \b
    Example: kulanz model add trees-2026-11.json
    """
    shop_id = desk.shop(shop)
    made = champions.add(desk.session, shop_id, _text(file_or_id), _act())
    desk.note("model.added", "shop", shop_id, model=made.name, hash=made.content_hash)
    return _row(made)


@model.command("list")
@SHOP
@of_merchant
def list_models(desk: Desk, *, shop: str) -> list[Row]:
    """List the models of a shop, the newest first. Without a champion among them the expert card acts.

    \b
    Example: kulanz model list
    """
    return [_row(one) for one in champions.list_models(desk.session, desk.shop(shop))]


@model.command("challenge")
@click.argument("id_", metavar="ID")
@SHOP
@click.option("--reason", default="", help="Why; kept in the history.")
@of_merchant
def challenge(desk: Desk, *, id_: str, shop: str, reason: str) -> Row:
    """Let a model (its id, or mod_…) score every decision beside the champion. It acts on nothing.

    \b
    Example: kulanz model challenge trees-2026-11
    """
    return _assign(desk, shop, id_, CHALLENGER, _act(reason))


@model.command("promote")
@click.argument("id_", metavar="ID")
@SHOP
@click.option("--reason", default="", help="Why; kept in the history.")
@click.option("--force", is_flag=True, help="Although its training report does not prove that it is better.")
@of_merchant
def promote(desk: Desk, *, id_: str, shop: str, reason: str, force: bool) -> Row:
    """Let a model decide from the next checkout on; the champion before becomes a challenger where there is room.

    \b
    Example: kulanz model promote trees-2026-11 --reason "three months as challenger"
    """
    if force and not reason:
        raise click.BadParameter("say why with --reason", param_hint="--force")
    return _assign(desk, shop, id_, CHAMPION, _act(reason, force=force))


@model.command("retire")
@click.argument("id_", metavar="ID")
@SHOP
@click.option("--reason", default="", help="Why; kept in the history.")
@of_merchant
def retire(desk: Desk, *, id_: str, shop: str, reason: str) -> Row:
    """Take a model's part away. When it is the champion, the expert card acts from the next checkout on.

    \b
    Example: kulanz model retire trees-2026-11 --reason "drift"
    """
    return _assign(desk, shop, id_, RETIRED, _act(reason))


@model.command("history")
@SHOP
@of_merchant
def history(desk: Desk, *, shop: str) -> list[Row]:
    """List who gave which model which part, and when; the newest first.

    \b
    Example: kulanz model history
    """
    return [
        {"at": one.at, "model": one.name, "role": one.role, "author": one.author, "reason": one.reason}
        for one in champions.changes(desk.session, desk.shop(shop))
    ]


@model.command("file")
@click.argument("id_", metavar="ID")
@SHOP
@click.option("--out", default="", help="Where to write it. [default: the model's id and .json]")
@of_merchant
def stored_file(desk: Desk, *, id_: str, shop: str, out: str) -> Row:
    """Write the file of a stored model, byte by byte as it was added.

    \b
    Example: kulanz model file trees-2026-11 --out kept.json
    """
    kept = _named(desk, desk.shop(shop), id_)
    target = Path(out or f"{kept.name}.json")
    _write(target, kept.body)
    return {"name": kept.name, "file": str(target)}


def _assign(desk: Desk, shop: str, id_: str, role: str, act: Act) -> Row:
    shop_id = desk.shop(shop)
    given = champions.assign(desk.session, shop_id, _named(desk, shop_id, id_).id, role, act)
    desk.note(f"model.{role}", "shop", shop_id, model=given.name, reason=act.reason)
    return _row(given)


def _named(desk: Desk, shop_id: Any, id_: str) -> Kept:
    """By its public id, or by the id in its file. Raises ModelUnknown."""
    if id_.startswith("mod_"):
        return champions.get(desk.session, shop_id, id_of("mod", id_))
    if (found := champions.find_named(desk.session, shop_id, id_)) is None:
        raise ModelUnknown(id=id_)
    return found


def _act(reason: str = "", *, force: bool = False) -> Act:
    if len(reason) > champions.MAX_REASON:
        raise Invalid.at("/reason", f"at most {champions.MAX_REASON} letters")
    return Act(audit.SYSTEM, clock.now(), reason, force)


def _row(kept: Kept) -> Row:
    return {
        "id": to_public("mod", kept.id),
        "name": kept.name,
        "role": kept.role,
        "since": kept.since,
        "proven": champions.proven(kept.report, kept.content_hash),
        "added": kept.created_at,
    }


def described(text: str) -> str:
    """A model for people, as Markdown. Raises Invalid when the file is not sound."""
    card = model_file.load(text)
    raw = json.loads(text)
    if not any(output.trees for output in card.outputs.values()) and card.domain == "checkout":
        return commands_card.markdown(text) + _report_text(card)
    lines = [f"# Model {card.id}", "", *([card.note, ""] if card.note else []), f"Hash sha256:{card.digest}."]
    for name, part in raw["outputs"].items():
        lines += ["", f"## {name}", "", *_output_lines(card, name, part)]
    return "\n".join(lines) + "\n" + _report_text(card)


def _output_lines(card: Card, name: str, part: dict[str, Any]) -> list[str]:
    output = card.outputs[name]
    usual = output.intercept + sum(table.usual for table in output.tables)
    usual = output.a * (usual + sum(tree.splits[0].mean for tree in output.trees)) + output.b
    lines = [f"{_size(card, name)}; usual {1 / (1 + math.exp(-usual)):.2%}; Platt a {output.a:g}, b {output.b:g}."]
    asked = [split.feature for tree in output.trees for split in tree.splits]
    counts = sorted({(-asked.count(feature), feature) for feature in asked})
    lines += ["", *(f"- asked {-count} times: {_label(card, feature)}" for count, feature in counts)] if counts else []
    tables = [
        f"- {table['fact']}: {commands_card.points(table)}, missing {table.get('missing', 0):+g}"
        for table in part["tables"]
    ]
    return [*lines, *(["", *tables] if tables else [])]


def _label(card: Card, place: int) -> str:
    feature = card.features[place]
    known = CATALOGUE.get(feature.name)
    label = known.label_en if known and card.domain == "checkout" else feature.label_en
    return f"{label} (`{feature.name}`)" if label else f"`{feature.name}`"


def _report_text(card: Card) -> str:
    if card.report is None:
        return ""
    report = card.report
    days = f", {report['dates'][0]} to {report['dates'][1]}" if report["dates"] else ""
    lines = ["", "## Training", "", f"{report['rows']} rows{days}; {report['library']}, {report['trained_on']}.", ""]
    for name, part in report["outputs"].items():
        figures = ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in part["metrics"].items())
        lines.append(
            f"- {name}: {part['kind']}, {part['bads']} bad of {part['rows']}{': ' + figures if figures else ''}"
        )
    return "\n".join(lines) + "\n"


def _size(card: Card, name: str) -> str:
    output = card.outputs[name]
    return f"{len(output.tables)} tables, {len(output.trees)} trees"


def _training() -> Any:
    """The module that trains; only with the extra `train` installed."""
    try:
        return importlib.import_module("gateway.risk.training")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _NEEDED:
            raise
        raise TrainingMissing from error
    except OSError as error:  # a slim image without OpenMP's library
        raise TrainingMissing(f"LightGBM cannot be loaded ({error}); on Debian: apt install libgomp1") from error


def _text(file_or_id: str) -> str:
    """The text of a file, or of a shipped model where no file has that name."""
    if not Path(file_or_id).is_file():
        try:
            return cards.shipped_text(file_or_id)
        except KeyError:
            pass
    try:
        return _read(file_or_id).decode()
    except UnicodeDecodeError as error:
        raise Invalid.at("", "is not UTF-8") from error


def _read(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(training_data.MAX_FILE_BYTES + 1)
        return Path(file).read_bytes()
    except OSError as error:
        raise FileUnreadable(f"{file}: {error.strerror}") from error


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text)
    except OSError as error:
        raise FileUnwritable(f"{target}: {error.strerror}") from error
