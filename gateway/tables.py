"""Every table of every package on one metadata, and who may do what with it: for migrations and tests of shape."""

from types import MappingProxyType

import gateway.checkout.models
import gateway.core.anchors
import gateway.core.channels
import gateway.core.documents
import gateway.core.history
import gateway.core.idempotency
import gateway.core.inbox
import gateway.core.outbox
import gateway.core.work
import gateway.merchants.merchants
import gateway.merchants.models
import gateway.risk.models
import gateway.shops.models  # noqa: F401 - each is imported for the tables it declares
from gateway.core.db import RUNTIME_ROLES, WEB_ROLE, WORKER_ROLE, Base, secure
from gateway.core.documents import DOCUMENT_DDL
from gateway.core.history import HISTORY_DDL, refuse_changes
from gateway.core.work import WORK_DDL

metadata = Base.metadata

TENANT_FREE = MappingProxyType(
    {
        "installation_secret": "keys of the installation as a whole, wrapped",
        "job": "due work is looked up before the tenant is known; ids only",
        "job_dead": "as job",
        "key_lookup": "the tenant is found by the hash of a key",
        "login_lookup": "the tenant is found by the keyed hash of an e-mail address",
        "connection_lookup": "the tenant is found by the hash of the word in the URL",
        "merchant_directory": "ids only, so that scheduled work can visit every tenant",
        "schedule_tick": "when each scheduled entry last ran",
        "worker_beat": "that each worker is alive",
    },
)
"""Tables outside row-level security, each with its reason. They hold ids and hashes, never facts."""

APPEND_ONLY = frozenset(
    {"history", "history_anchor", "order_event", "policy_version", "user_event", "decision", "policy_activation"}
)
"""Runtime roles may add to these and read them, nothing else."""


def tenant_tables() -> list[str]:
    return sorted(name for name in metadata.tables if name not in TENANT_FREE)


def rights(table: str) -> list[str]:
    """The GRANT statements of one table."""
    everybody = ", ".join(RUNTIME_ROLES)
    if table in APPEND_ONLY:
        return [f"GRANT SELECT, INSERT ON {table} TO {everybody}"]
    if table == "document":  # content-addressed: replaced by none, forgotten on erasure
        return [f"GRANT SELECT, INSERT, DELETE ON {table} TO {everybody}"]
    if table in ("job", "job_dead"):
        return [f"GRANT SELECT, INSERT ON {table} TO {WEB_ROLE}", f"GRANT ALL ON {table} TO {WORKER_ROLE}"]
    return [f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {everybody}"]


def protection() -> list[str]:
    """Row-level security and rights of every table, and what the database itself refuses."""
    statements = [f"GRANT USAGE ON SCHEMA public TO {', '.join(RUNTIME_ROLES)}"]
    for table in sorted(metadata.tables):
        statements += [] if table in TENANT_FREE else secure(table)
        statements += rights(table)
    return [
        *statements,
        *HISTORY_DDL,
        *DOCUMENT_DDL,
        *WORK_DDL,
        *(ddl for name in _FIXED for ddl in refuse_changes(name)),
    ]


_FIXED = sorted(APPEND_ONLY - {"history", "history_anchor"})
"""Append-only tables that get the same triggers as history: the owner is refused too."""
