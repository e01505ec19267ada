"""The life of a letter as one table (pure)."""

from enum import StrEnum

from gateway.core.states import Lifecycle


class LetterState(StrEnum):
    """Where a letter stands; see `letter_models.Letter`."""

    DRAFTED = "DRAFTED"
    PARKED = "PARKED"
    QUEUED = "QUEUED"
    PRINTING = "PRINTING"
    SENT = "SENT"
    BOUNCED = "BOUNCED"
    WITHDRAWN = "WITHDRAWN"


class LetterAct(StrEnum):
    """What moves a letter."""

    PARK = "park"
    """The check found it unlawful or incomplete."""
    RESUME = "resume"
    """The merchant put right what was missing: it is looked at again."""
    QUEUE = "queue"
    PRINT = "print"
    SEND = "send"
    """The other side took it, or the printer confirmed it."""
    BOUNCE = "bounce"
    WITHDRAW = "withdraw"
    STOP = "stop"
    """An objection came before the mail server took it."""


S, A = LetterState, LetterAct
LIFECYCLE = Lifecycle(
    "letter",
    S.DRAFTED,
    {
        (S.DRAFTED, A.PARK): S.PARKED,
        (S.PARKED, A.RESUME): S.DRAFTED,
        (S.DRAFTED, A.QUEUE): S.QUEUED,
        (S.DRAFTED, A.PRINT): S.PRINTING,
        (S.DRAFTED, A.SEND): S.SENT,
        **{(state, A.SEND): S.SENT for state in (S.QUEUED, S.PRINTING)},
        **{(state, A.BOUNCE): S.BOUNCED for state in (S.QUEUED, S.PRINTING, S.SENT)},
        (S.QUEUED, A.STOP): S.WITHDRAWN,
        **{(state, A.WITHDRAW): S.WITHDRAWN for state in (S.DRAFTED, S.PARKED, S.PRINTING)},
    },
)
