"""The buyer as this merchant knows him, his list entries and the live policy versions: one indexed read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gateway.core.db import HotStatement


@dataclass(frozen=True, slots=True)
class History:
    """What the read found. `buyer_id` is None for a stranger."""

    buyer_id: UUID | None
    wrapped_key: bytes | None
    facts: dict[str, Any]
    listed: tuple[str, str] | None
    """Action and reason of the strongest list entry."""
    versions: dict[str, int]


def read(
    connection: Connection, shop_id: UUID, digests: Mapping[str, bytes], now: datetime, merchant_id: UUID
) -> History:
    """One round trip. `digests`: blind indexes by kind, those of lists (`ip`, `device`, …) included."""
    identity = digests.get("email") or digests.get("phone")
    found = _READ.execute(
        connection,
        {
            "merchant": merchant_id,
            "shop": shop_id,
            "identity": identity,
            "linking": [digests[kind] for kind in ("email", "phone", "email_root") if kind in digests],
            "delivery": digests.get("delivery"),
            "listed": list(digests.values()),
            "now": now,
        },
    ).fetchone()
    if found is None:
        raise RuntimeError("a statement that always answers one row answered none")
    buyer_id, wrapped_key, *past, known_address, listed, versions = found
    facts = _facts(_Past(*past), now) if identity else {}
    if facts and "delivery" in digests:
        facts["known_address"] = known_address
    return History(buyer_id, wrapped_key, facts, _strongest(listed), versions or {})


class _Past(NamedTuple):
    """The buyer's orders with this merchant, added up; amounts in minor units."""

    orders: int
    paid_orders: int
    open_minor: int
    overdue_minor: int
    oldest_due: datetime | None
    highest_paid_minor: int
    returned_minor: int
    sent_minor: int
    first_order: datetime | None


def _facts(past: _Past, now: datetime) -> dict[str, Any]:
    return {
        "known_buyer": past.orders > 0,
        "known_address": None,
        "orders": past.orders,
        "paid_orders": past.paid_orders,
        "open_minor": past.open_minor,
        "overdue_minor": past.overdue_minor,
        "overdue_days": (now - past.oldest_due).days if past.oldest_due else 0,
        "highest_paid_minor": past.highest_paid_minor,
        "returned_percent": 100 * past.returned_minor // past.sent_minor if past.sent_minor else None,
        "days_known": (now - past.first_order).days if past.first_order else 0,
    }


def _strongest(entries: list[tuple[str, str]] | None) -> tuple[str, str] | None:
    """Action and reason of the entry that counts: block beats allow."""
    if not entries:
        return None
    action, reason = min(entries, key=lambda entry: entry[0] != "block")
    return action, reason


_READ = HotStatement(
    text(
        """
WITH linked AS (
    SELECT buyer_id, identifies AND digest = :identity AS is_me
    FROM buyer_index WHERE merchant_id = :merchant AND digest = ANY(:linking)
), past AS (
    SELECT count(*) AS orders,
        count(*) FILTER (WHERE open_minor = 0 AND paid_minor > 0) AS paid_orders,
        coalesce(sum(open_minor), 0)::bigint AS open_minor,
        coalesce(sum(open_minor) FILTER (WHERE due_at < :now), 0)::bigint AS overdue_minor,
        min(due_at) FILTER (WHERE open_minor > 0 AND due_at < :now) AS oldest_due,
        coalesce(max(paid_minor) FILTER (WHERE open_minor = 0), 0) AS highest_paid_minor,
        coalesce(sum(returned_minor), 0)::bigint AS returned_minor,
        coalesce(sum(total_minor) FILTER (WHERE sent), 0)::bigint AS sent_minor,
        min(placed_at) AS first_order,
        coalesce(bool_or(sent AND open_minor = 0 AND delivery_digest = :delivery), false) AS known_address
    FROM (
        SELECT due_at, paid_minor, returned_minor, total_minor, placed_at, open_minor, delivery_digest,
            shipped_at IS NOT NULL OR delivered_at IS NOT NULL AS sent
        FROM shop_order
        WHERE merchant_id = :merchant AND buyer_id IN (SELECT buyer_id FROM linked)
        ORDER BY placed_at DESC LIMIT 500) AS newest
)
SELECT b.id, b.wrapped_key, past.*,
    (SELECT jsonb_agg(jsonb_build_array(action, reason)) FROM list_entry
     WHERE merchant_id = :merchant AND digest = ANY(:listed) AND (expires_at IS NULL OR expires_at > :now)),
    (SELECT jsonb_object_agg(kind, version) FROM policy_live WHERE merchant_id = :merchant AND shop_id = :shop)
FROM past LEFT JOIN linked me ON me.is_me
LEFT JOIN buyer b ON b.merchant_id = :merchant AND b.id = me.buyer_id
""",
    ),
)
"""Linked buyers (same e-mail, phone, or mailbox) count together for exposure; an address alone links nobody."""
