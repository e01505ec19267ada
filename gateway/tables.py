"""Every table of every package on one metadata, and who may do what with it: for migrations and tests of shape."""

import importlib
from types import MappingProxyType

from gateway.core.db import RUNTIME_ROLES, WEB_ROLE, WORKER_ROLE, Base, secure

MODULES = (
    "gateway.core.channels",
    "gateway.core.documents",
    "gateway.core.history",
    "gateway.core.idempotency",
    "gateway.core.inbox",
    "gateway.core.outbox",
    "gateway.core.work",
    "gateway.core.schedule",
    "gateway.merchants.models",
    "gateway.merchants.merchants",
    "gateway.merchants.callbacks",
    "gateway.shops.models",
    "gateway.risk.models",
    "gateway.checkout.models",
)
import os
for _module in MODULES:
    try:
        importlib.import_module(_module)
    except ModuleNotFoundError as e:
        if os.environ.get("STRICT"): raise

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

APPEND_ONLY = frozenset({"history", "history_anchor", "order_event", "policy_version", "user_event", "decision"})
"""Runtime roles may add to these and read them, nothing else."""


def tenant_tables() -> list[str]:
    return sorted(name for name in metadata.tables if name not in TENANT_FREE)


def rights(table: str) -> list[str]:
    """The GRANT statements of one table."""
    everybody = ", ".join(RUNTIME_ROLES)
    if table in APPEND_ONLY:
        return [f"GRANT SELECT, INSERT ON {table} TO {everybody}"]
    if table in ("job", "job_dead"):
        return [f"GRANT SELECT, INSERT ON {table} TO {WEB_ROLE}", f"GRANT ALL ON {table} TO {WORKER_ROLE}"]
    return [f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {everybody}"]


def protection() -> list[str]:
    """Row-level security and rights of every table."""
    statements = [f"GRANT USAGE ON SCHEMA public TO {', '.join(RUNTIME_ROLES)}"]
    for table in sorted(metadata.tables):
        statements += [] if table in TENANT_FREE else secure(table)
        statements += rights(table)
    return statements
