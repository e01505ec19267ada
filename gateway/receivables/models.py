"""Tables of claims: the claim, its holds, its payments as told, and the double-entry ledger that moves every cent."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.db import Base, Tenant

CLAIM_STATES = (
    "OPEN",
    "DUNNING",
    "INSTALMENTS",
    "DISPUTED",
    "PRECOLLECTION",
    "COLLECTION",
    "SOLD",
    "SETTLED",
    "WRITTEN_OFF",
)
CLAIM_KINDS = ("order", "returned_payment", "chargeback", "subscription", "other")
HOLD_REASONS = (
    "probable_payment",
    "promise",
    "deferral",
    "return_under_way",
    "hardship",
    "pause",
    "insolvency",
    "death",
    "guardianship",
)
ENTRY_KINDS = (
    "opening",
    "fee",
    "lump_sum",
    "interest",
    "payment",
    "credit",
    "write_off",
    "refund",
    "reversal",
)
ACCOUNTS = (
    "principal",
    "costs",
    "interest",
    "debtor_credit",
    "sales",
    "cost_income",
    "interest_income",
    "bank",
    "credits",
    "bad_debt",
)
"""The first three are what the debtor owes, the fourth what he is owed (negative); debit is positive."""


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Claim(Tenant, Base):
    """Money a debtor owes for one order or one returned or charged-back payment.

    Amounts are the sum of the ledger's lines of that account, in minor units of `currency`. Overdue is told by
    `due_date`, the dunning level by the letters that were sent.
    """

    __tablename__ = "claim"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "shop_id"], ["shop.merchant_id", "shop.id"]),
        ForeignKeyConstraint(["merchant_id", "buyer_id"], ["buyer.merchant_id", "buyer.id"]),
        UniqueConstraint("merchant_id", "reference"),
        Index("uq_claim_source", "merchant_id", "kind", "source_id", unique=True),
        Index(None, "merchant_id", "buyer_id", "id"),
        Index(None, "merchant_id", "state", "id"),
        Index("ix_claim_order", "merchant_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index("ix_claim_next", "merchant_id", "next_on", "buyer_id", postgresql_where=text("next_on IS NOT NULL")),
        CheckConstraint(_one_of("state", CLAIM_STATES), name="state"),
        CheckConstraint(_one_of("kind", CLAIM_KINDS), name="kind"),
        CheckConstraint("debtor IN ('consumer', 'business')", name="debtor"),
        CheckConstraint("allocation IN ('bgb-367', 'bgb-497')", name="allocation"),
        CheckConstraint("LEAST(principal_minor, costs_minor, interest_minor, credit_minor) >= 0", name="amounts"),
    )

    shop_id: Mapped[UUID]
    order_id: Mapped[UUID | None]
    buyer_id: Mapped[UUID]
    live: Mapped[bool]
    kind: Mapped[str]
    source_id: Mapped[UUID]
    """What it arose from (the order, the returned payment, the chargeback): one claim for each."""
    reference: Mapped[str]
    """ISO 11649 creditor reference the debtor pays with; for QR-IBANs the QRR is made from its digits."""
    currency: Mapped[str]
    country: Mapped[str]
    """Whose law applies: the debtor's, ISO 3166-1."""
    region: Mapped[str]
    """Of the debtor, for holidays: ISO 3166-2 part, empty when unknown."""
    language: Mapped[str]
    debtor: Mapped[str]
    """`consumer` or `business`, at contract time."""
    state: Mapped[str]
    invoice_number: Mapped[str]
    invoice_date: Mapped[date | None]
    contract_date: Mapped[date]
    delivered_on: Mapped[date | None]
    due_date: Mapped[date]
    """In the debtor's calendar, not shifted."""
    due_ground: Mapped[str]
    """Why it is due then: `agreed-date`, `after-delivery`, `invoice`; the default's ground begins here."""
    consumer_notice: Mapped[bool]
    """Whether the invoice itself told the consumer of § 286(3) BGB."""
    allocation: Mapped[str] = mapped_column(server_default=text("'bgb-367'"))
    """What a payment pays first (`law.allocation.RULES`): `bgb-497` for consumer credit."""
    default_from: Mapped[date | None]
    """First day in default; None while he is not."""
    default_ground: Mapped[str | None]
    """Of the law's table: `agreed-date`, `after-event`, `invoice-30-days`, `reminder`."""
    default_cause: Mapped[str | None]
    """What brought it about (`due_date`, `letter:…`): a letter that comes back takes its default with it."""
    interest_from: Mapped[date | None]
    interest_through: Mapped[date | None]
    """Interest is booked through this day, counted."""
    principal_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    costs_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    interest_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Booked and unpaid; interest that ran since is in the statement, not here."""
    credit_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """What the debtor has paid too much: his money."""
    level: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Highest dunning level whose letter left."""
    next_on: Mapped[date | None]
    """First day on which the nightly run must look at it; None while nothing can become due."""
    waiting_since: Mapped[date | None]
    """Day from which the next step's delay counts: the last letter, the end of a hold, the due date."""
    policy_id: Mapped[UUID | None]
    """Dunning policy version it follows; None until the first step."""
    contact_sealed: Mapped[bytes | None]
    """Address and e-mail where they are newer than the order's, sealed with the buyer's key."""
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ClaimHold(Tenant, Base):
    """A dated reason not to escalate. Without `until_on` it lasts until lifted; the last three stop everything."""

    __tablename__ = "claim_hold"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "claim_id"], ["claim.merchant_id", "claim.id"]),
        Index("ix_claim_hold_running", "merchant_id", "claim_id", postgresql_where=text("lifted_at IS NULL")),
        CheckConstraint(_one_of("reason", HOLD_REASONS), name="reason"),
    )

    claim_id: Mapped[UUID]
    reason: Mapped[str]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    """Last day of the hold."""
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    """Promised, or probably paid."""
    cause: Mapped[str]
    """Reference of what it rests on (`payment:…`, `return:…`), empty when a person set it."""
    set_by: Mapped[str]
    set_at: Mapped[datetime]
    lifted_by: Mapped[str | None]
    lifted_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    """`kept`, `broken`, `lifted`, `ended`."""


class ClaimPayment(Tenant, Base):
    """A payment as it was told, once per source and external id."""

    __tablename__ = "claim_payment"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "claim_id"], ["claim.merchant_id", "claim.id"]),
        UniqueConstraint("merchant_id", "source", "external_id", "claim_id"),
        Index(None, "merchant_id", "claim_id", "paid_on"),
        CheckConstraint("amount_minor > 0", name="amount"),
    )

    claim_id: Mapped[UUID]
    source: Mapped[str]
    """`shop`, `bank`, `desk`, a provider."""
    external_id: Mapped[str]
    paid_on: Mapped[date]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    purpose_sealed: Mapped[bytes | None]
    """As the payer wrote it, sealed with the buyer's key."""
    received_at: Mapped[datetime]
    reversed_at: Mapped[datetime | None]
    """When it turned out not to have been paid (returned, misassigned)."""


class LedgerEntry(Tenant, Base):
    """One booking on a claim, never edited: a reversal is an entry of its own that names the reversed one.

    Its lines sum to zero and are exactly `line_count`: a deferred constraint trigger refuses the transaction otherwise.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "claim_id"], ["claim.merchant_id", "claim.id"]),
        UniqueConstraint("merchant_id", "claim_id", "seq"),
        Index(
            "uq_ledger_entry_reverses",
            "merchant_id",
            "reverses",
            unique=True,
            postgresql_where=text("reverses IS NOT NULL"),
        ),
        CheckConstraint(_one_of("kind", ENTRY_KINDS), name="kind"),
        CheckConstraint("(kind = 'reversal') = (reverses IS NOT NULL)", name="reversal"),
        CheckConstraint("line_count >= 2", name="line_count"),
    )

    claim_id: Mapped[UUID]
    seq: Mapped[int]
    kind: Mapped[str]
    value_date: Mapped[date]
    """The day it counts from; a payment's day is still interest-free for the amount paid."""
    cause: Mapped[str]
    """Reference of what it rests on: `order:…`, `letter:…`, `payment:…`, `objection:…`, `user:…`."""
    reverses: Mapped[UUID | None]
    line_count: Mapped[int] = mapped_column(SmallInteger)
    working: Mapped[dict[str, Any] | None]
    """How the amount came about (rate periods, cost proof), with the version of the tables."""
    booked_at: Mapped[datetime]


class LedgerLine(Base):
    """One side of an entry: debit positive, credit negative."""

    __tablename__ = "ledger_line"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "entry_id"], ["ledger_entry.merchant_id", "ledger_entry.id"]),
        CheckConstraint(_one_of("account", ACCOUNTS), name="account"),
        CheckConstraint("amount_minor <> 0", name="amount"),
    )

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
