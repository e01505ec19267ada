"""`kulanz decide --select METHOD`: the buyer's choice after the decision, here or at a running gateway, and its answer as text."""

import json
from collections.abc import Mapping
from typing import Any

import requests

from gateway.answer_text import printable
from gateway.checkout.decide import Checkout
from gateway.checkout.selection import Selections
from gateway.checkout.selection_schemas import Chosen
from gateway.core import clock
from gateway.core.errors import GatewayError, Invalid
from gateway.core.ids import from_public
from gateway.core.money import Money
from gateway.core.services import Services
from gateway.merchants.auth import Principal
from gateway.risk.bureau import Proof
from gateway.risk.bureaus import Book

TEXT_VERSION = "command-line"
TIMEOUT_S = (3.05, 30)


class ChoiceRefused(GatewayError):
    """The gateway refused the choice."""

    status = 502


def here(services: Services, checkout: Checkout, who: Principal, answer: Mapping[str, Any], method: str) -> Any:
    """Choose a method of a decision in this process, as one who was told of a credit check."""
    decision_id = from_public("dec", answer["id"])
    if decision_id is None:
        raise Invalid.at("/id", "is no decision")
    selections = Selections(services, checkout, Book.of(services))
    proof = Proof("notice", TEXT_VERSION, clock.now())
    return json.loads(
        selections.choose(who, decision_id, Chosen(method, answer["total_minor"], answer["currency"], proof))
    )


def running(url: str, key: str, answer: Mapping[str, Any], method: str) -> Any:
    """The same at a running gateway. Raises ChoiceRefused with its code."""
    told = {
        "method": method,
        "total_minor": answer["total_minor"],
        "currency": answer["currency"],
        "proof": {"kind": "notice", "text_version": TEXT_VERSION, "at": clock.now().isoformat()},
    }
    address = f"{url.rstrip('/')}/v1/decisions/{answer['id']}/selection"
    headers = {"Authorization": f"Bearer {key}"}
    try:
        response = requests.post(address, json=told, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
        found = response.json()
    except requests.RequestException as error:
        raise ChoiceRefused(f"{url}: {type(error).__name__}") from error
    if response.status_code != 201 or not isinstance(found, dict):
        code = found.get("code", "") if isinstance(found, dict) else ""
        raise ChoiceRefused(f"{response.status_code} {code}".strip())
    return found


def pretty(selected: Mapping[str, Any]) -> str:
    """The answer of stage 2 for a terminal."""
    deposit = Money(selected["deposit_minor"], selected["currency"]).decimal()
    more = f"  {selected['deposit_percent']} % = {deposit} {selected['currency']}" if selected["deposit_minor"] else ""
    lines = ["", f"Chosen: {printable(selected['method'])}  {selected['answer']}{more}"]
    lines += [f"  {printable(reason['text'])}" for reason in selected["reasons"]]
    if selected["offers"]:
        lines.append("  left: " + ", ".join(printable(offer["method"]) for offer in selected["offers"]))
    if selected["notice"]:
        lines.append(f"  To the buyer: {selected['notice']}")
    return "\n".join(lines)
