"""Every table of every package on one metadata, and which of them are special: for migrations and tests of shape."""

from types import MappingProxyType

import gateway.chargebacks.models
import gateway.checkout.models
import gateway.checkout.selection_models
import gateway.core.anchors
import gateway.core.channels
import gateway.core.documents
import gateway.core.history
import gateway.core.idempotency
import gateway.core.inbox
import gateway.core.outbox
import gateway.core.work
import gateway.law.models
import gateway.merchants.merchants
import gateway.merchants.models
import gateway.payments.bank_models
import gateway.payments.models
import gateway.payments.request_models
import gateway.privacy.rights
import gateway.receivables.agreement_models
import gateway.receivables.letter_models
import gateway.receivables.models
import gateway.receivables.returned_models
import gateway.returns.models
import gateway.risk.bureau_models
import gateway.risk.models
import gateway.shops.models  # noqa: F401 - each is imported for the tables it declares
from gateway.core.db import Base

metadata = Base.metadata

TENANT_FREE = MappingProxyType(
    {
        "installation_secret": "keys of the installation as a whole, wrapped",
        "law_row": "the law is the same for every merchant; public values with their sources, nothing of anybody's",
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
    {
        "bank_file",
        "bank_statement",
        "bureau_request",
        "bureau_result",
        "bureau_version",
        "chargeback_answer",
        "debtor_act",
        "debtor_feedback",
        "decision",
        "fraud_warning",
        "history",
        "history_anchor",
        "law_row",
        "ledger_entry",
        "ledger_line",
        "model_role_change",
        "order_event",
        "order_return_act",
        "payment_answer",
        "payment_event",
        "policy_activation",
        "policy_version",
        "score_model",
        "selection",
        "user_event",
    }
)
"""Runtime roles may add to these and read them, nothing else."""


def tenant_tables() -> list[str]:
    return sorted(name for name in metadata.tables if name not in TENANT_FREE)
