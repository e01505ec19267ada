"""Every command of `kulanz` by name: where it is, and what `kulanz --help` says of it.

A command is loaded when it is called: one that needs no server starts without the parts of one.
"""

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """`place` is `module:name`; `about` is the first sentence of the command's own help."""

    place: str
    about: str


COMMANDS: Mapping[str, Entry] = {
    "audit": Entry("gateway.audit:audit", "Prove that history is whole; keep its anchors elsewhere."),
    "backup": Entry(
        "gateway.backup:backup_command", "Write a consistent copy of the database to FILE, while everything runs."
    ),
    "bank": Entry("gateway.commands_bank:bank_group", "Bank statements: take files, watch a folder, list."),
    "bureau": Entry("gateway.commands_bureau:bureau", "Credit bureaus: connected, tried out, and their cost."),
    "buyer": Entry("gateway.commands_buyers:buyer", "Buyers: what is stored about a person, and its erasure."),
    "calc": Entry("gateway.commands_calc:calc", "Read one JSON object on standard input, print the answer as JSON."),
    "callback": Entry(
        "gateway.commands_desk:callback", "Endpoints of a merchant that are called when something happens."
    ),
    "card": Entry("gateway.commands_card:card", "Print a shipped score card as Markdown."),
    "chargebacks": Entry(
        "gateway.commands_chargebacks:chargebacks_group", "Disputed payments: deadlines, evidence, answers."
    ),
    "claims": Entry(
        "gateway.commands_claims:claims_group",
        "Claims: what debtors owe, what was paid, and whether the books are whole.",
    ),
    "connection": Entry("gateway.commands_desk:connection", "Addresses at which shops push their orders."),
    "decide": Entry(
        "gateway.commands_decide:decide_command",
        "Decide one order from FILE (JSON or YAML; - for standard input) and print the menu with its reasons.",
    ),
    "dunning": Entry(
        "gateway.commands_dunning:dunning_group", "Reminders and dunning letters: policy, preview, nights."
    ),
    "facts": Entry("gateway.commands_card:facts", "Print the catalogue of facts: what rules and score cards may read."),
    "jobs": Entry("gateway.commands_jobs:jobs", "Work that failed for good."),
    "key": Entry("gateway.commands_merchants:key", "API keys of shops."),
    "keys": Entry("gateway.keys:keys", "Master keys: make, rotate, see which are in use."),
    "law": Entry("gateway.commands_law:law", "The dated tables of the law: rates, fees, terms."),
    "letters": Entry(
        "gateway.commands_letters:letters",
        "Letters to debtors: list, show, take back, release, print, and who they come from.",
    ),
    "merchant": Entry("gateway.commands_merchants:merchant", "Merchants: our customers, each with data of its own."),
    "migrate": Entry(
        "gateway.commands_serve:migrate_command", "Bring the database to the newest schema (uses DATABASE_OWNER_URL)."
    ),
    "model": Entry(
        "gateway.commands_model:model",
        "Models that score a checkout: files of tables and small trees, one champion and up to two challengers per shop.",
    ),
    "objections": Entry(
        "gateway.commands_objections:objections_group",
        "What debtors dispute, until when they get an answer, and the answer.",
    ),
    "plans": Entry(
        "gateway.commands_objections:plans_group", "Instalment plans, and what debtors may agree by themselves."
    ),
    "policy": Entry("gateway.commands_policy:policy", "What decides in a shop: versions, stages, backtests."),
    "privacy": Entry(
        "gateway.commands_privacy:privacy",
        "Rights of buyers: what they ask for, until when it is due, and what came of it.",
    ),
    "provider": Entry("gateway.commands_provider:provider", "Payment providers: connected, changed, closed."),
    "replay": Entry(
        "gateway.commands_replay:replay_command",
        "Make the stored decision DECISION (dec_…) again, or replay FILE: CSV or JSON lines of past orders.",
    ),
    "restore": Entry(
        "gateway.backup:restore_command", "Fill an empty database from FILE and bring it to the newest schema."
    ),
    "run": Entry(
        "gateway.commands_serve:run", "Run everything on this machine: servers, schema, web and worker, until Ctrl-C."
    ),
    "returns": Entry("gateway.commands_returns:returns_group", "Goods that come back: expected, received, settled."),
    "shield": Entry(
        "gateway.commands_shield:shield_group", "Card testing: what the shield sees, and letting somebody off."
    ),
    "shop": Entry("gateway.commands_merchants:shop", "Shops: storefronts of a merchant."),
    "user": Entry("gateway.commands_desk:user", "People who work at the desk."),
    "worker": Entry("gateway.commands_worker:worker_command", "Serve the queues and the schedule until SIGTERM."),
}


def resolve(place: str) -> Any:
    """What `module:name` names."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
