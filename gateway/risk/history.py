"""The buyer as this merchant knows him, his list entries, the live policy versions and models: one indexed read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from gateway.core.hot import HotStatement, Link
from gateway.risk.facts import LEAST_DELIVERED


@dataclass(frozen=True, slots=True)
class Query:
    """Whose rows, as of when, and in which currency amounts count."""

    merchant_id: UUID
    shop_id: UUID
    currency: str
    now: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What the read found. `buyer_id` is None for a stranger."""

    buyer_id: UUID | None
    wrapped_key: bytes | None
    facts: dict[str, Any]
    listed: str | None
    """`block` or `allow`, the strongest entry of the merchant's lists: block beats allow."""
    versions: dict[str, Any]
    """The live version by kind, and `[version, percent]` by `kind:stage` of what is on trial."""
    models: dict[str, str]
    """Model id → champion or challenger; empty while the shop has none of its own."""
    answer: tuple[UUID, datetime, bytes] | None = None
    """The newest answer of a bureau about this person that is still true: its id, its moment, sealed."""
    objected: bool = False
    """Whether the buyer objects to being assessed (Art. 21 GDPR)."""


def read(link: Link, query: Query, digests: Mapping[str, bytes]) -> History:
    """One round trip. `digests`: blind indexes by kind, those of lists (`ip`, `device`, …) included."""
    identity = digests.get("email") or digests.get("phone")
    found = _READ.row(
        link,
        {
            "merchant": query.merchant_id,
            "shop": query.shop_id,
            "identity": identity,
            "mail": [digests[kind] for kind in ("email", "email_root") if kind in digests],
            "linking": [digests[kind] for kind in ("email", "phone", "email_root") if kind in digests],
            "delivery": digests.get("delivery"),
            "listed": list(digests.values()),
            "person": digests.get("person"),
            "currency": query.currency,
            "now": query.now,
        },
    )
    if found is None:
        raise RuntimeError("a statement that always answers one row answered none")
    buyer_id, wrapped_key, objected, *past, actions, versions, models, answer_id, answered_at, answer = found
    facts = _facts(_Past(*past), query.now) if identity else {}
    if "delivery" not in digests:
        facts.pop("known_address", None)
    listed = None if not actions else "block" if "block" in actions else "allow"
    on_record = None if answer_id is None else (answer_id, answered_at, answer)
    return History(buyer_id, wrapped_key, facts, listed, versions or {}, models or {}, on_record, objected)


class _Past(NamedTuple):
    """The buyer's orders with this merchant, added up; amounts in minor units."""

    orders: int
    paid_orders: int
    highest_paid_minor: int
    returned_minor: int
    sent_minor: int
    first_order: datetime | None
    known_address: bool
    delivered: int
    delivered_minor: int
    came_back: int
    came_back_minor: int
    refunded_only: int
    open_minor: int
    overdue_minor: int
    oldest_due: datetime | None
    elsewhere: bool
    open_returns: int
    dunning_level: int
    claims_overdue: int
    chargebacks: int
    chargebacks_lost: int
    chargebacks_fraud: int


def _facts(past: _Past, now: datetime) -> dict[str, Any]:
    return {
        "known_buyer": past.orders > 0,
        "known_address": past.known_address,
        "orders": past.orders,
        "paid_orders": past.paid_orders,
        "open_minor": past.open_minor,
        "overdue_minor": past.overdue_minor,
        "overdue_days": (now - past.oldest_due).days if past.oldest_due else 0,
        "open_elsewhere": past.elsewhere,
        "highest_paid_minor": past.highest_paid_minor,
        "returned_percent": 100 * past.returned_minor // past.sent_minor if past.sent_minor else None,
        "days_known": (now - past.first_order).days if past.first_order else 0,
        "delivered_orders": past.delivered,
        "refunds_without_goods": past.refunded_only,
        **{name: getattr(past, name) for name in _TROUBLE},
        **(_shares(past) if past.delivered >= LEAST_DELIVERED else {}),
    }


_TROUBLE = (
    "open_returns",
    "dunning_level",
    "claims_overdue",
    "chargebacks",
    "chargebacks_lost",
    "chargebacks_fraud",
)


def _shares(past: _Past) -> dict[str, Any]:
    """Of what was delivered. The share by value is unknown to a buyer whose deliveries were in other currencies."""
    by_value = 100 * past.came_back_minor // past.delivered_minor if past.delivered_minor else None
    return {
        "return_value_percent": by_value,
        "return_count_percent": 100 * past.came_back // past.delivered,
        "refund_without_goods_percent": 100 * past.refunded_only // past.delivered,
    }


_READ = HotStatement(
    text(
        """
WITH linked AS (
    SELECT buyer_id, bool_or(identifies AND digest = :identity) AS is_me, bool_or(digest = ANY(:mail)) AS by_mail
    FROM buyer_index WHERE merchant_id = :merchant AND digest = ANY(:linking) GROUP BY buyer_id
), newest AS (
    SELECT o.* FROM linked JOIN LATERAL (
        SELECT paid_minor - refunded_minor AS kept_minor, returned_minor, total_minor, placed_at, delivery_digest,
            delivered_at IS NOT NULL AS arrived, refunded_minor > returned_minor AS refunded_only,
            shipped_at IS NOT NULL OR delivered_at IS NOT NULL AS sent,
            open_minor = 0 AND state <> 'CANCELLED' AND paid_minor > refunded_minor AS paid, currency = :currency AS same
        FROM shop_order WHERE merchant_id = :merchant AND buyer_id = linked.buyer_id
        ORDER BY placed_at DESC LIMIT 500) o ON true
    WHERE linked.is_me
), past AS (
    SELECT count(*) AS orders,
        count(*) FILTER (WHERE paid) AS paid_orders,
        coalesce(max(kept_minor) FILTER (WHERE paid AND same), 0) AS highest_paid_minor,
        coalesce(sum(returned_minor) FILTER (WHERE same), 0)::bigint AS returned_minor,
        coalesce(sum(total_minor) FILTER (WHERE sent AND same), 0)::bigint AS sent_minor,
        min(placed_at) FILTER (WHERE paid) AS first_order,
        coalesce(bool_or(sent AND paid AND delivery_digest = :delivery), false) AS known_address,
        count(*) FILTER (WHERE arrived) AS delivered,
        coalesce(sum(total_minor) FILTER (WHERE arrived AND same), 0)::bigint AS delivered_minor,
        count(*) FILTER (WHERE arrived AND returned_minor > 0) AS came_back,
        coalesce(sum(LEAST(returned_minor, total_minor)) FILTER (WHERE arrived AND same), 0)::bigint AS came_back_minor,
        count(*) FILTER (WHERE arrived AND refunded_only) AS refunded_only
    FROM newest
), owing AS (
    SELECT coalesce(sum(open_minor) FILTER (WHERE currency = :currency), 0)::bigint AS open_minor,
        coalesce(sum(open_minor) FILTER (WHERE late AND currency = :currency), 0)::bigint AS overdue_minor,
        min(due_at) FILTER (WHERE late) AS oldest_due,
        coalesce(bool_or(currency <> :currency), false) AS elsewhere
    FROM (
        SELECT open_minor, due_at, currency,
            due_at < :now AND (linked.is_me OR linked.by_mail OR delivery_digest = :delivery) AS late
        FROM linked JOIN shop_order o ON o.merchant_id = :merchant AND o.buyer_id = linked.buyer_id AND o.open_minor > 0
        ORDER BY due_at LIMIT 1000) AS unpaid
)
SELECT b.id, b.wrapped_key, b.objected_at IS NOT NULL, past.*, owing.*,
    (SELECT count(*) FROM order_return r JOIN linked ON linked.is_me
     WHERE r.merchant_id = :merchant AND r.buyer_id = linked.buyer_id AND r.state = 'ANNOUNCED'),
    dunned.*, charged.*,
    (SELECT array_agg(action) FROM list_entry
     WHERE merchant_id = :merchant AND digest = ANY(:listed) AND (expires_at IS NULL OR expires_at > :now)),
    (SELECT jsonb_object_agg(kind, version) FROM (
        SELECT kind, to_jsonb(version) AS version FROM policy_live WHERE merchant_id = :merchant AND shop_id = :shop
        UNION ALL SELECT kind || ':' || stage, jsonb_build_array(version, percent) FROM policy_trial
        WHERE merchant_id = :merchant AND shop_id = :shop) AS acting),
    (SELECT jsonb_object_agg(model_id, role) FROM model_role WHERE merchant_id = :merchant AND shop_id = :shop),
    heard.id, heard.answered_at, heard.sealed
FROM past CROSS JOIN owing CROSS JOIN (
    SELECT coalesce(max(level) FILTER (WHERE opened_at > CAST(:now AS timestamptz) - interval '24 months'), 0) AS level,
        count(*) FILTER (WHERE due_date < CAST(:now AS timestamptz)::date
            AND state NOT IN ('SETTLED', 'WRITTEN_OFF', 'SOLD')) AS overdue
    FROM linked JOIN LATERAL (
        SELECT level, opened_at, due_date, state FROM claim c
        WHERE c.merchant_id = :merchant AND c.buyer_id = linked.buyer_id ORDER BY c.id DESC LIMIT 200) c ON true
    WHERE linked.is_me OR linked.by_mail) dunned CROSS JOIN (
    SELECT count(*) AS taken_back, count(*) FILTER (WHERE outcome IN ('lost', 'accepted', 'expired')) AS lost, count(*) FILTER (WHERE fraud) AS fraud
    FROM linked JOIN LATERAL (
        SELECT outcome, fraud FROM chargeback c WHERE c.merchant_id = :merchant AND c.buyer_id = linked.buyer_id
        LIMIT 200) c ON true
    WHERE linked.is_me OR linked.by_mail) charged LEFT JOIN linked me ON me.is_me
LEFT JOIN buyer b ON b.merchant_id = :merchant AND b.id = me.buyer_id
LEFT JOIN LATERAL (
    SELECT id, answered_at, sealed FROM bureau_answer
    WHERE merchant_id = :merchant AND buyer_id = me.buyer_id AND person = :person AND expires_at > :now
    ORDER BY answered_at DESC LIMIT 1) heard ON true
""",
    ),
)
"""Good history is the buyer's own: it cannot be borrowed with somebody's phone number. Open amounts of everybody who uses
the same mailbox or phone count together; what is late counts against him when it is his, his mailbox's, or went to the
same address, so that a stranger cannot ruin him with his phone number alone. Amounts count in the order's currency."""
