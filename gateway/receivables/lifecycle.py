"""The life of a claim as one table (state, event) → state (pure). A correction is a named event; there is no back door."""

from enum import StrEnum

from gateway.core.states import Lifecycle


class ClaimState(StrEnum):
    """Where a claim stands. Overdue is told by the date, holds are rows beside the state."""

    OPEN = "OPEN"
    DUNNING = "DUNNING"
    INSTALMENTS = "INSTALMENTS"
    DISPUTED = "DISPUTED"
    PRECOLLECTION = "PRECOLLECTION"
    COLLECTION = "COLLECTION"
    SOLD = "SOLD"
    SETTLED = "SETTLED"
    WRITTEN_OFF = "WRITTEN_OFF"


class ClaimAct(StrEnum):
    """What moves a claim. Payments, credits and bookings move it only when nothing is left (`settle`)."""

    REMIND = "remind"
    """A letter of the dunning policy left."""
    UNDO_REMINDER = "undo_reminder"
    """The only letter came back or was withdrawn."""
    AGREE_PLAN = "agree_plan"
    LAPSE_PLAN = "lapse_plan"
    OBJECT = "object"
    REJECT_OBJECTION = "reject_objection"
    ACCEPT_OBJECTION = "accept_objection"
    """In part: what is left is still owed."""
    WITHDRAW_OBJECTION = "withdraw_objection"
    ANNOUNCE_HANDOVER = "announce_handover"
    HAND_OVER = "hand_over"
    RECALL = "recall"
    SELL = "sell"
    SETTLE = "settle"
    REOPEN = "reopen"
    """A payment or credit that settled it was taken back."""
    WRITE_OFF = "write_off"
    REVIVE = "revive"
    """The write-off is reversed."""


S, A = ClaimState, ClaimAct
_OURS = (S.OPEN, S.DUNNING, S.INSTALMENTS, S.PRECOLLECTION)
"""Claims that are with the merchant and undisputed."""

LIFECYCLE = Lifecycle(
    "claim",
    S.OPEN,
    {
        **{(state, A.REMIND): S.DUNNING for state in (S.OPEN, S.DUNNING)},
        **{(state, A.UNDO_REMINDER): S.OPEN for state in (S.OPEN, S.DUNNING)},
        **{(state, A.AGREE_PLAN): S.INSTALMENTS for state in (S.OPEN, S.DUNNING, S.PRECOLLECTION)},
        (S.INSTALMENTS, A.LAPSE_PLAN): S.DUNNING,
        **{(state, A.OBJECT): S.DISPUTED for state in (*_OURS, S.COLLECTION, S.DISPUTED)},
        **{(S.DISPUTED, act): S.DUNNING for act in (A.REJECT_OBJECTION, A.ACCEPT_OBJECTION, A.WITHDRAW_OBJECTION)},
        (S.DUNNING, A.ANNOUNCE_HANDOVER): S.PRECOLLECTION,
        **{(state, A.HAND_OVER): S.COLLECTION for state in (S.DUNNING, S.PRECOLLECTION)},
        **{(state, A.RECALL): S.DUNNING for state in (S.COLLECTION, S.PRECOLLECTION)},
        **{(state, A.SELL): S.SOLD for state in (*_OURS, S.COLLECTION, S.WRITTEN_OFF)},
        **{(state, A.SETTLE): S.SETTLED for state in (*_OURS, S.DISPUTED, S.COLLECTION, S.WRITTEN_OFF)},
        (S.SETTLED, A.REOPEN): S.DUNNING,
        **{(state, A.WRITE_OFF): S.WRITTEN_OFF for state in (*_OURS, S.DISPUTED, S.COLLECTION)},
        (S.WRITTEN_OFF, A.REVIVE): S.DUNNING,
    },
)


class HoldReason(StrEnum):
    """Why a claim is not escalated for a while."""

    PROBABLE_PAYMENT = "probable_payment"
    PROMISE = "promise"
    DEFERRAL = "deferral"
    RETURN_UNDER_WAY = "return_under_way"
    HARDSHIP = "hardship"
    PAUSE = "pause"
    INSOLVENCY = "insolvency"
    DEATH = "death"
    GUARDIANSHIP = "guardianship"


STOPS_EVERYTHING = frozenset({HoldReason.INSOLVENCY, HoldReason.DEATH, HoldReason.GUARDIANSHIP})
"""Holds without an end."""
HOLD_OUTCOMES = ("kept", "broken", "lifted", "ended")
