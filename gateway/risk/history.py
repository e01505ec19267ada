"""The buyer as this merchant knows him, his list entries and the live policy versions: one indexed read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Connection


@dataclass(frozen=True, slots=True)
class History:
    """What the read found. `buyer_id` is None for a stranger."""

    buyer_id: UUID | None
    wrapped_key: bytes | None
    facts: dict[str, Any]
    listed: tuple[str, str] | None
    """Action and reason of the strongest list entry: block beats allow."""
    versions: dict[str, int]


def read(
    connection: Connection, shop_id: UUID, digests: Mapping[str, bytes], now: datetime, merchant_id: UUID
) -> History:
    """One round trip. `digests`: blind indexes by kind, those of lists (`ip`, `device`, …) included."""
    row = connection.execute(
        _READ,
        {
            "merchant": merchant_id,
            "shop": shop_id,
            "email": digests.get("email"),
            "phone": digests.get("phone"),
            "root": digests.get("email_root"),
            "delivery": digests.get("delivery"),
            "listed": list(digests.values()),
            "now": now,
        },
    ).one()
    return History(row.buyer_id, row.wrapped_key, _facts(row, digests, now), _listed(row.listed), row.versions or {})


def _facts(row: Any, digests: Mapping[str, bytes], now: datetime) -> dict[str, Any]:
    if "email" not in digests and "phone" not in digests:
        return {}
    returned, kept = row.returned_minor, row.shipped_minor
    return {
        "known_buyer": row.orders > 0,
        "known_address": row.known_address if "delivery" in digests else None,
        "orders": row.orders,
        "paid_orders": row.paid_orders,
        "open_minor": row.open_minor,
        "overdue_minor": row.overdue_minor,
        "overdue_days": (now - row.oldest_due).days if row.oldest_due else 0,
        "highest_paid_minor": row.highest_paid_minor,
        "returned_percent": 100 * returned // kept if kept else None,
        "days_known": (now - row.first_order).days if row.first_order else 0,
    }


def _listed(entries: list[dict[str, str]] | None) -> tuple[str, str] | None:
    if not entries:
        return None
    first = min(entries, key=lambda entry: entry["action"] != "block")
    return first["action"], first["reason"]


_READ = text(
    """
WITH linked AS (
    SELECT buyer_id, identifies AND digest = coalesce(CAST(:email AS bytea), :phone) AS is_me
    FROM buyer_index WHERE merchant_id = :merchant AND digest = ANY(ARRAY[:email, :phone, :root]::bytea[])
), me AS (
    SELECT buyer_id FROM linked WHERE is_me
), mine AS (
    SELECT o.*, CASE WHEN o.state = 'CANCELLED' OR o.withdrawn_at IS NOT NULL THEN 0
           ELSE greatest(o.total_minor - o.returned_minor - greatest(o.paid_minor - o.refunded_minor, 0), 0) END AS unpaid
    FROM shop_order o
    WHERE o.merchant_id = :merchant AND o.buyer_id IN (SELECT buyer_id FROM linked)
    ORDER BY o.placed_at DESC LIMIT 500
)
SELECT me.buyer_id, b.wrapped_key,
    (SELECT count(*) FROM mine) AS orders,
    (SELECT count(*) FROM mine WHERE unpaid = 0 AND paid_minor > 0) AS paid_orders,
    (SELECT coalesce(sum(unpaid), 0)::bigint FROM mine) AS open_minor,
    (SELECT coalesce(sum(unpaid), 0)::bigint FROM mine WHERE due_at < :now) AS overdue_minor,
    (SELECT min(due_at) FROM mine WHERE unpaid > 0 AND due_at < :now) AS oldest_due,
    (SELECT coalesce(max(paid_minor), 0) FROM mine WHERE unpaid = 0) AS highest_paid_minor,
    (SELECT coalesce(sum(returned_minor), 0)::bigint FROM mine) AS returned_minor,
    (SELECT coalesce(sum(total_minor), 0)::bigint FROM mine WHERE shipped_at IS NOT NULL OR delivered_at IS NOT NULL)
        AS shipped_minor,
    (SELECT min(placed_at) FROM mine) AS first_order,
    EXISTS (SELECT FROM buyer_index i WHERE i.merchant_id = :merchant AND i.digest = :delivery
            AND i.buyer_id = me.buyer_id) AS known_address,
    (SELECT jsonb_agg(jsonb_build_object('action', action, 'reason', reason)) FROM list_entry
     WHERE merchant_id = :merchant AND digest = ANY(:listed) AND (expires_at IS NULL OR expires_at > :now)) AS listed,
    (SELECT jsonb_object_agg(kind, version) FROM policy_live
     WHERE merchant_id = :merchant AND shop_id = :shop) AS versions
FROM (SELECT 1) one LEFT JOIN me ON true
LEFT JOIN buyer b ON b.merchant_id = :merchant AND b.id = me.buyer_id
""",
)
"""Linked buyers (same e-mail, phone, or mailbox) count together for exposure; an address alone links nobody."""
