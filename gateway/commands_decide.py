"""The command `kulanz decide`: one order from a file."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

import click
import requests
from marshmallow import ValidationError

from gateway import answer_text, config, question_file, stage_two
from gateway.checkout import api as checkout_api
from gateway.checkout.decide import Checkout
from gateway.checkout.schemas import CheckoutSchema
from gateway.core import clock
from gateway.core.errors import GatewayError, Invalid, NotFound, Unavailable
from gateway.core.faults import pointers
from gateway.core.http import BodyTooLarge
from gateway.core.ids import from_public
from gateway.core.services import Services
from gateway.core.strict_json import MAX_BODY_BYTES
from gateway.embedded import Engines
from gateway.merchants.auth import SCOPES, Principal, Principals
from gateway.shops import shops
from gateway.shops.platform import Beside, Reader, installed

QUESTION = "question"
TIMEOUT_S = (3.05, 15)
_NO_KEY = UUID(int=0)


class OperatorContext(Protocol):
    """What these commands take from the command line's context; it opens services on first use."""

    @property
    def settings(self) -> config.Settings: ...

    @property
    def services(self) -> Services: ...

    def merchant_ids(self) -> Iterable[UUID]: ...


class ShopNotNamed(Invalid):
    """Say for which shop: --key kz_…, --shop shp_…, or run `kulanz run` once to have a demo shop."""


class ShopOfNobody(NotFound):
    """No merchant of this installation has this shop."""


class DecisionOfNobody(NotFound):
    """No merchant of this installation has this decision."""


class GatewayRefused(GatewayError):
    """The gateway refused the question."""

    status = 502


class GatewayUnreachable(Unavailable):
    """No gateway answers there."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What to read and where to ask, as the options say."""

    source: str
    methods: tuple[str, ...]
    url: str
    key: str
    shop: str
    form: str
    select: str = ""

    @property
    def beside(self) -> Beside:
        """`ID` or `ID=KIND` of each method."""
        pairs = [text.partition("=") for text in self.methods]
        return Beside(methods=[name for name, _, _ in pairs], kinds={name: kind for name, _, kind in pairs if kind})


_FROM = "What FILE holds: question (the JSON of our API), woocommerce-cart, woocommerce-order, shopify-order, …"


@click.command("decide")
@click.argument("file")
@click.option("--from", "source", default=QUESTION, show_default=True, help=_FROM)
@click.option(
    "--method", "methods", multiple=True, metavar="ID[=KIND]", help="A method the shop could show; repeatable."
)
@click.option("--url", default="", help="Ask the gateway running there, for example http://127.0.0.1:8000.")
@click.option("--key", default="", envvar="KULANZ_KEY", help="API key; the demo shop's when there is none.")
@click.option("--shop", default="", help="Decide for this shop (shp_…) without a key, as the operator.")
@click.option("--select", default="", metavar="METHOD", help="Then choose this method, as the buyer would (stage 2).")
@click.option("--format", "form", type=click.Choice(["pretty", "json"]), default="pretty", show_default=True)
@click.pass_obj
def decide_command(context: OperatorContext, /, file: str, **options: Any) -> None:
    """Decide one order from FILE (JSON or YAML; - for standard input) and print the menu with its reasons."""
    asking = Asking(**options)
    if not (asking.key or asking.shop):
        asking = replace(asking, key=_demo_key(context.settings))
    document = question_file.read(file, sys.stdin.buffer)
    question = question_of(document, asking.source, asking.beside)
    answer = ask_running(asking, question) if asking.url else ask_here(context, asking, question)
    selected = _selected(context, asking, answer) if asking.select else None
    if asking.form == "json":
        told = answer if selected is None else {"decision": answer, "selection": selected}
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        click.echo(answer_text.pretty(answer) + (f"\n{stage_two.pretty(selected)}" if selected else ""))


def _selected(context: OperatorContext, asking: Asking, answer: Mapping[str, Any]) -> Any:
    """What the choice of a method is answered, where the decision was made."""
    offered = [offer["method"] for offer in answer["offers"]]
    if asking.select not in offered:
        raise Invalid.at("/select", f"is none of {', '.join(offered)}")
    if asking.url:
        return stage_two.running(asking.url, asking.key, answer, asking.select)
    services = context.services
    return stage_two.here(services, Checkout(services), _principal(context, asking), answer, asking.select)


def question_of(document: Any, source: str, beside: Beside) -> dict[str, Any]:
    """The question of a document. Raises Invalid for an unknown source, and whatever the connector finds."""
    readers = _readers()
    if source == QUESTION:
        return _question(document, beside)
    if source not in readers:
        raise Invalid.at("/from", f"is one of {', '.join([QUESTION, *sorted(readers)])}")
    return readers[source](document, beside)


def _readers() -> dict[str, Reader]:
    """`woocommerce-cart` and so on: every format of every installed connector."""
    return {
        f"{adapter.name}-{name}": read for adapter in installed().values() for name, read in adapter.formats.items()
    }


def _question(document: Any, beside: Beside) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise Invalid.at("/", "is not an object")
    if not beside.methods:
        return document
    return document | {"methods": [{"id": name, "kind": beside.kinds.get(name, "other")} for name in beside.methods]}


def ask_here(context: OperatorContext, asking: Asking, question: Mapping[str, Any]) -> dict[str, Any]:
    """Decide in this process, the way the API does: counted, recorded, signed."""
    try:
        asked = CheckoutSchema().load(question)
    except ValidationError as error:
        raise Invalid(errors=pointers(error.normalized_messages())) from error  # type: ignore[no-untyped-call]
    services = context.services
    who, checkout = _principal(context, asking), Checkout(services)
    decided = checkout.ask(who, asked, clock.now())
    return checkout_api.answer(decided.row, json.loads(decided.row["record"]), decided.language)


def ask_running(asking: Asking, question: Mapping[str, Any]) -> dict[str, Any]:
    """Ask a gateway over HTTP. Raises GatewayUnreachable or GatewayRefused with its code and faults."""
    if not asking.key:
        raise ShopNotNamed
    body = json.dumps(question).encode()
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge(limit_bytes=MAX_BODY_BYTES)
    headers = {"Authorization": f"Bearer {asking.key}", "Content-Type": "application/json"}
    try:
        response = requests.post(
            f"{asking.url.rstrip('/')}/v1/decisions", body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
        )
        found = response.json()
    except (
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
        requests.exceptions.InvalidURL,
    ) as error:
        raise Invalid.at("/url", "begins with http:// or https:// and names a host") from error
    except requests.exceptions.JSONDecodeError as error:
        raise GatewayUnreachable(f"{asking.url}: something answers there, but no gateway") from error
    except requests.RequestException as error:
        raise GatewayUnreachable(f"{asking.url}: no gateway answers there ({type(error).__name__})") from error
    if response.status_code != 201 or not isinstance(found, dict):
        raise _refusal(response.status_code, found)
    return found


def _refusal(status: int, problem: Any) -> GatewayRefused:
    told = problem if isinstance(problem, dict) else {}
    words = [str(told[name]) for name in ("code", "title", "detail") if told.get(name)]
    return GatewayRefused(f"{status} {': '.join(words)}".strip(), errors=told.get("errors", []))


def _principal(context: OperatorContext, asking: Asking) -> Principal:
    if asking.shop:
        return operator_of(context, asking.shop)
    if not asking.key:
        raise ShopNotNamed
    who = Principals(context.services.db).authenticate(f"Bearer {asking.key}", clock.now())
    who.need("decisions:write")
    return who


def operator_of(context: OperatorContext, public_id: str) -> Principal:
    """Whoever runs this program may decide for any shop on it."""
    shop_id = from_public("shp", public_id) or _uuid(public_id)
    for merchant_id in context.merchant_ids() if shop_id else ():
        with context.services.db.transaction(merchant_id) as session:
            shop = next((one for one in shops.list_shops(session) if one.id == shop_id), None)
        if shop is not None:
            return Principal(merchant_id, shop.id, _NO_KEY, shop.live, SCOPES, None)
    raise ShopOfNobody


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _demo_key(settings: config.Settings) -> str:
    """The key of the demo shop that `kulanz run` made in this data folder, or ""."""
    if not settings.data_dir.is_dir():
        return ""
    return Engines(settings.data_dir).place.recall("demo").get("api_key", "")
