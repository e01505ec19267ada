"""The decision: count, read, judge, record. One writing transaction, no call outside the house."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson
from psycopg.errors import UniqueViolation
from sqlalchemy import Table, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.checkout import documents, exposure, records, stages
from gateway.checkout.economics import Economics
from gateway.checkout.models import Decision
from gateway.checkout.policy import Case, choose
from gateway.checkout.records import Judged
from gateway.checkout.request import CheckoutRequest
from gateway.checkout.terms import Policy
from gateway.checkout.texts import language_of
from gateway.checkout.token import TokenFacts, sign
from gateway.checkout.told import told_of
from gateway.core.clock import local_date
from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.errors import GatewayError, Invalid, Refused
from gateway.core.hot import HotStatement, Link
from gateway.core.ids import new_id, to_public
from gateway.core.kept import Kept
from gateway.core.services import Services
from gateway.merchants import policies
from gateway.merchants.auth import Principal
from gateway.merchants.models import PolicyVersion
from gateway.merchants.secrets import Keys, MerchantKeys
from gateway.risk import bureau, bureau_records, history, lists
from gateway.risk import card as cards
from gateway.risk.champions import Panels
from gateway.risk.gather import Known, gather
from gateway.risk.score import score_all
from gateway.risk.shield import Watch
from gateway.risk.velocity import Attempt, Velocity
from gateway.shops import buyers, identity, shops
from gateway.shops.shops import ShopFacts, SigningKeys

T = TypeVar("T")
VALID_FOR = timedelta(minutes=30)
POLICIES_KEPT = 500


class PolicyNeeded(Refused):
    """The defaults are written in euros and francs; save policy and economics in this shop's currency first."""


@dataclass(frozen=True, slots=True)
class ShopSide:
    """What a decision needs of its shop; kept for seconds."""

    facts: ShopFacts
    signing: SigningKeys = field(repr=False)
    has_ceiling: bool = False
    """Whether a policy that acts limits what the shop has open altogether."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A recorded decision and what the caller is told of it."""

    row: Mapping[str, Any]
    record: dict[str, Any]
    """What the column `record` holds, as it was before it became text."""
    judged: Judged
    side: ShopSide
    language: str


def despite_races(transaction: Callable[[], T]) -> T:
    """Run a transaction, and once more if another made the same stranger a buyer a moment before: he is known now."""
    try:
        return transaction()
    except (UniqueViolation, IntegrityError):  # the second is SQLAlchemy's word when a statement of its own sent ours
        return transaction()


class Checkout:
    """The decisions of one process: its services and what it keeps between calls."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._velocity = Velocity(services.cache)
        self._keys = MerchantKeys(services.db, services.keyring)
        self._sides: Kept[tuple[UUID, UUID], ShopSide] = Kept(self._fetch_side, seconds=5.0)
        self._open: Kept[tuple[UUID, UUID], dict[str, int]] = Kept(self._fetch_open, seconds=exposure.KEPT_S)
        self._policies: dict[tuple[UUID, UUID, str, int], Any] = {}
        self._panels = Panels()

    def keys(self, merchant_id: UUID) -> Keys:
        return self._keys.get(merchant_id)

    def side(self, who: Principal) -> ShopSide:
        return self._sides.get((who.merchant_id, who.shop_id))

    def prepare(self, who: Principal, asked: CheckoutRequest, now: datetime) -> "Prepared":
        """Everything before the transaction: look-ups of the process, blind indexes, counters."""
        side = self.side(who)
        if asked.currency != side.facts.currency and asked.currency not in cards.AMOUNTS_IN:
            raise Invalid.at("/currency", f"this shop sells in {side.facts.currency}")
        keys = self._keys.get(who.merchant_id)
        found = _digests(keys.index, who, asked)
        counted = {subject: found[kind] for subject, kind in _COUNTED if kind in found}
        cart = _basket(asked, found)
        watch = Watch(who.merchant_id, who.shop_id, found)
        counts = self._velocity.count(Attempt(who.merchant_id, counted, cart, watch), now.timestamp())
        open_minor = None
        if side.has_ceiling:
            open_minor = self._open.get((who.merchant_id, who.shop_id)).get(asked.currency, 0)
        return Prepared(who, asked, side, found, counts, now, cart, open_minor)

    def ask(self, who: Principal, asked: CheckoutRequest, now: datetime) -> Decided:
        """Prepare, judge and record: a trip that reads, a trip that writes, which is the one writing transaction."""
        ready = self.prepare(who, asked, now)

        def recorded() -> Decided:
            with self._services.db.trips(who.merchant_id) as trips:
                return self.decide(trips, ready)

        return despite_races(recorded)

    def decide(self, link: Link, ready: "Prepared") -> Decided:
        """Judge and record, inside the transactions of the edge, which `despite_races` runs."""
        who, asked, now = ready.who, ready.asked, ready.now
        past = history.read(link, _query(ready), ready.digests)
        on_record = self._on_record(past)
        known = Known(past.facts, ready.counts, past.listed, ready.digests, on_record, past.objected)
        facts = gather(told_of(asked), known, now, ready.side.facts.timezone)
        if ready.open_minor is not None:
            facts = replace(facts, shop_open_minor=ready.open_minor)
        panel = self._panels.get(link, (who.merchant_id, who.shop_id), past.models)
        acting = stages.acting(past.versions, ready.point_seed)
        policy, economics = self._documents(link, who, acting.versions)
        if asked.currency not in cards.AMOUNTS_IN and not (policy.version and economics.version):
            raise PolicyNeeded(currency=asked.currency)
        today = local_date(now, ready.side.facts.timezone)
        draw = stages.sample(ready.sample_seed, today) if policy.explore else None
        holds = ready.side.facts.holds_orders
        score, challenges = score_all(panel, facts)
        case = Case(facts, score, asked.methods, economics, policy, holds, today, draw)
        judged = Judged(case, choose(case), self._shadow(link, who, case, acting), acting.share)
        buyer = self._buyer(link, ready, past)
        record = records.to_dict(judged, panel.cards[0], challenges)
        row = _row(ready, judged, records.to_text(record), buyer)
        _INSERT.add(link, row)
        return Decided(row, record, judged, ready.side, _language(asked, ready.side))

    def policy(self, link: Link, who: Principal, version: int) -> Policy:
        """The compiled checkout policy of this version."""
        return cast("Policy", self._policy(link, who, "checkout", version))

    def _fetch_side(self, key: tuple[UUID, UUID]) -> ShopSide:
        merchant_id, shop_id = key
        with self._services.db.transaction(merchant_id) as session:
            facts = shops.get(session, shop_id)
            if facts.closed_at is not None:
                raise shops.ShopClosed
            ceiling = policies.acts_with(session, shop_id, "checkout", "shop_limit_minor")
            return ShopSide(facts, shops.signing_keys(session, self._services.keyring, shop_id), ceiling)

    def _fetch_open(self, key: tuple[UUID, UUID]) -> dict[str, int]:
        merchant_id, shop_id = key
        with self._services.db.transaction(merchant_id) as session:
            return exposure.open_by_currency(session, shop_id)

    def _shadow(self, link: Link, who: Principal, case: Case, acting: stages.Acting) -> dict[str, Any] | None:
        """What versions in the shadow would choose. Whatever is wrong with them, the checkout goes on."""
        if acting.shadow is None:
            return None
        try:
            policy, economics = self._documents(link, who, acting.shadow)
        except GatewayError as error:
            return {**acting.shadow, "error": error.code}
        return stages.told(acting.shadow, choose(replace(case, policy=policy, economics=economics)))

    def _documents(self, link: Link, who: Principal, versions: Mapping[str, int]) -> tuple[Policy, Economics]:
        policy = self._policy(link, who, "checkout", versions["checkout"])
        economics = self._policy(link, who, "economics", versions["economics"])
        return cast("Policy", policy), cast("Economics", economics)

    def _policy(self, link: Link, who: Principal, kind: str, version: int) -> Any:
        """The compiled document; a version never changes, so it is compiled once per process."""
        key = (who.merchant_id, who.shop_id, kind, version) if version else (_NOBODY, _NOBODY, kind, 0)
        compiled = self._policies.get(key)
        if compiled is None:
            if len(self._policies) >= POLICIES_KEPT:
                self._policies.clear()
            body = body_of(link, who.merchant_id, who.shop_id, kind, version)
            compiled = self._policies[key] = documents.COMPILERS[kind](body, version)
        return compiled

    def _on_record(self, past: history.History) -> bureau_records.Known | None:
        """What a bureau said of this buyer before and is still true."""
        if past.answer is None or (key := _buyer_key(self._services.keyring, past)) is None:
            return None
        return bureau_records.open_answer(key.data_key, *past.answer)

    def _buyer(self, link: Link, ready: "Prepared", past: history.History) -> buyers.BuyerKey | None:
        """The buyer this decision belongs to, made when he is new; None when nothing identifies him.

        Nobody waits for the making: when another checkout of the same stranger is faster, the transaction fails.
        """
        keyring = self._services.keyring
        if (known := _buyer_key(keyring, past)) is not None:
            return known
        links = {kind: digest for kind, digest in ready.digests.items() if kind in _LINKS}
        if identity.identifying(links) is None:
            return None
        new = buyers.new_buyer(keyring, ready.who.merchant_id, links, live=ready.who.live, now=ready.now)
        _CREATE_BUYER.add(link, new.params)
        return buyers.BuyerKey(new.id, new.data_key)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question with everything that is known before the transaction."""

    who: Principal
    asked: CheckoutRequest
    side: ShopSide
    digests: dict[str, bytes]
    counts: dict[str, int] | None
    now: datetime
    cart: bytes
    """What makes two questions one attempt."""
    open_minor: int | None
    """What the shop has open altogether, where its policy has a ceiling."""

    @property
    def point_seed(self) -> bytes:
        """What a buyer keeps from order to order; of somebody nameless, his cart."""
        return self.digests.get("email") or self.digests.get("phone") or self.cart

    @property
    def sample_seed(self) -> bytes:
        """What no other cart and no +tag of his mailbox changes."""
        return self.digests.get("email_root") or self.point_seed


_NOBODY = UUID(int=0)
_LINKS = frozenset({identity.EMAIL, identity.EMAIL_ROOT, identity.PHONE, identity.BILLING, identity.DELIVERY})
_COUNTED = (
    ("email", "email"),
    ("phone", "phone"),
    ("address", "delivery"),
    ("ip", "ip"),
    ("device", "device"),
    ("handle", "handle"),
)
_INSERT = HotStatement(insert(cast("Table", Decision.__table__)).inline())
_CREATE_BUYER = HotStatement(buyers.CREATE_BUYER_OR_FAIL)
_BODY = HotStatement(
    select(PolicyVersion.body).where(
        PolicyVersion.merchant_id == bindparam("merchant"),
        PolicyVersion.shop_id == bindparam("shop"),
        PolicyVersion.kind == bindparam("kind"),
        PolicyVersion.version == bindparam("version"),
    ),
)


def _buyer_key(keyring: Keyring, past: history.History) -> buyers.BuyerKey | None:
    if past.buyer_id is None or past.wrapped_key is None:
        return None
    return buyers.BuyerKey(past.buyer_id, keyring.unwrap(past.wrapped_key, buyers.context_of(past.buyer_id)))


def body_of(
    link: Link, merchant_id: UUID, shop_id: UUID, kind: str, version: int, *, edition: int = documents.EDITION
) -> dict[str, Any]:
    """A stored policy document, or for version 0 the default of its kind in that edition."""
    if version == 0:
        return documents.default_of(kind, edition)
    wanted = {"merchant": merchant_id, "shop": shop_id, "kind": kind, "version": version}
    if (found := _BODY.row(link, wanted)) is None:
        raise LookupError(f"version {version} of the policy {kind} is live and does not exist")
    body: dict[str, Any] = found[0]
    return body


def _digests(index_key: bytes, who: Principal, asked: CheckoutRequest) -> dict[str, bytes]:
    """Blind indexes of everything that is looked up, listed or counted."""
    told = identity.Identity(asked.buyer.email, asked.buyer.phone, asked.billing, asked.delivery or asked.billing)
    found = identity.digests(index_key, live=who.live, identity=told)
    context = asked.context
    found |= identity.context_digests(
        index_key, live=who.live, ip=context.ip, device_id=context.device_id, handle=context.payment_handle
    )
    home = found.get(identity.BILLING if asked.billing else identity.DELIVERY)
    if (person := bureau.person_index(index_key, _person(asked), home, live=who.live)) is not None:
        found["person"] = person
    if asked.reference:  # a person may have granted this order what the policy would not
        buyer = identity.identifying(found)
        order = lists.one_order(who.shop_id, asked.reference, buyer, asked.total_minor, asked.currency)
        found[lists.ORDER] = identity.digest(index_key, lists.ORDER, order, live=who.live)
    return found | identity.domain_digests(index_key, live=who.live, email=asked.buyer.email)


def _person(asked: CheckoutRequest) -> bureau.Person:
    told = asked.buyer
    return bureau.person_of(told.first_name, told.last_name, told.company, asked.billing or asked.delivery)


def _basket(asked: CheckoutRequest, found: Mapping[str, bytes]) -> bytes:
    """What makes two questions one attempt: the same cart of the same buyer with the same payment handle."""
    cart = asked.reference or f"{asked.total_minor}|{len(asked.items)}"
    who = (found.get(kind, b"") for kind in ("email", "phone", "handle"))
    return b"|".join((cart.encode(), *who))


def _query(ready: Prepared) -> history.Query:
    return history.Query(ready.who.merchant_id, ready.who.shop_id, ready.asked.currency, ready.now)


def _row(ready: Prepared, judged: Judged, record: str, buyer: buyers.BuyerKey | None) -> dict[str, Any]:
    decision_id = new_id()
    row = {
        "merchant_id": ready.who.merchant_id,
        "id": decision_id,
        "shop_id": ready.who.shop_id,
        "buyer_id": buyer.id if buyer else None,
        "live": ready.who.live,
        "created_at": ready.now,
        "expires_at": ready.now + VALID_FOR,
        "reference": ready.asked.reference,
        "currency": ready.asked.currency,
        "total_minor": ready.asked.total_minor,
        "outcome": judged.choice.outcome,
        "token": _token(ready, judged, decision_id),
        "record": record,
        "told_sealed": _sealed(ready.asked, buyer, decision_id),
    }
    return row | {"digest": records.digest(SimpleNamespace(**row))}


def _token(ready: Prepared, judged: Judged, decision_id: UUID) -> str:
    asked, signing = ready.asked, ready.side.signing
    delivery = asked.delivery or asked.billing
    facts = TokenFacts(
        expires=local_date(ready.now + VALID_FOR, ready.side.facts.timezone),
        outcome=judged.choice.outcome,
        max_minor=asked.total_minor,
        currency=asked.currency,
        ref=to_public("dec", decision_id),
        email=asked.buyer.email,
        customer_id=asked.buyer.customer_reference.replace("\n", " "),
        country=delivery.country if delivery else "",
        postcode=delivery.postcode.replace("\n", " ") if delivery else "",
    )
    if not facts.bind:  # a token that names no buyer would grant to whoever holds it
        facts = replace(facts, outcome="decline")
    return sign(signing.kid, signing.keys[signing.kid], facts)


def _sealed(asked: CheckoutRequest, buyer: buyers.BuyerKey | None, decision_id: UUID) -> bytes | None:
    """What was told of the buyer, readable until he is erased; nothing is kept of somebody unknown."""
    if buyer is None:
        return None
    told = {
        "buyer": asked.buyer,
        "billing": asked.billing,
        "delivery": asked.delivery,
        "context": asked.context,
        "items": asked.items,
    }
    return seal(buyer.data_key, orjson.dumps(told), told_context(decision_id))


def open_told(data_key: bytes, decision_id: UUID, sealed: bytes) -> dict[str, Any]:
    """`buyer`, `billing`, `delivery`, `context` and `items` as the shop told them. Raises Tampered."""
    told: dict[str, Any] = orjson.loads(unseal(data_key, sealed, told_context(decision_id)))
    return told


def told_context(decision_id: UUID) -> str:
    """The place the sealed words of a decision belong to."""
    return f"decision.told:{decision_id}"


def _language(asked: CheckoutRequest, side: ShopSide) -> str:
    return language_of(asked.buyer.language, side.facts.language)
