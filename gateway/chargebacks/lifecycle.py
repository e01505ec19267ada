"""The life cycle of a chargeback over all providers as one table, and what a provider's word means in it (pure).

What the provider says is folded from everything it told, so the order of its messages does not matter; what people did counts
for the round in which they did it.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.core.states import Lifecycle


class State(StrEnum):
    """Where a chargeback stands."""

    INQUIRY = "INQUIRY"
    NEEDS_RESPONSE = "NEEDS_RESPONSE"
    PREPARED = "PREPARED"
    SENDING = "SENDING"
    SUBMITTED = "SUBMITTED"
    ACCEPTING = "ACCEPTING"
    ACCEPTED = "ACCEPTED"
    WON = "WON"
    LOST = "LOST"
    EXPIRED = "EXPIRED"


ANSWERABLE = (State.INQUIRY, State.NEEDS_RESPONSE, State.PREPARED)
"""Somebody has still to do something."""
OPEN = (*ANSWERABLE, State.SENDING, State.SUBMITTED, State.ACCEPTING, State.EXPIRED)
"""The provider has not closed it."""
_TOLD = {
    "inquire": State.INQUIRY,
    "open": State.NEEDS_RESPONSE,
    "answered": State.SUBMITTED,
    "win": State.WON,
    "lose": State.LOST,
}
LIFECYCLE = Lifecycle(
    "chargeback",
    State.NEEDS_RESPONSE,
    {
        **{(state, event): to for state in State for event, to in _TOLD.items()},
        (State.ACCEPTED, "lose"): State.ACCEPTED,
        **{(state, "prepare"): State.PREPARED for state in ANSWERABLE},
        **{(state, "send"): State.SENDING for state in ANSWERABLE},
        **{(state, "hand_in"): State.SUBMITTED for state in ANSWERABLE},
        **{(state, "concede"): State.ACCEPTING for state in ANSWERABLE},
        **{(state, "concede_outside"): State.ACCEPTED for state in ANSWERABLE},
        **{(state, "expire"): State.EXPIRED for state in ANSWERABLE},
        (State.SENDING, "sent"): State.SUBMITTED,
        (State.SENDING, "refused"): State.PREPARED,
        (State.ACCEPTING, "conceded"): State.ACCEPTED,
        (State.LOST, "conceded"): State.ACCEPTED,
        (State.ACCEPTING, "refused"): State.NEEDS_RESPONSE,
    },
)
"""A provider's word moves every state: it may be won after it was lost, and open again after it was won."""
_ROUNDS = {
    "inquiry": 0,
    "initiated": 0,
    "appeal": 2,
    "pre_arbitration": 2,
    "pre-arbitration": 2,
    "compliance": 2,
    "arbitration": 3,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider says after all of its messages: `open`, `won` or `lost`, and in which round."""

    word: str
    round: int


@dataclass(frozen=True, slots=True)
class Stand:
    """Where it stood before."""

    state: State
    round: int
    submitted_round: int | None


def round_of(stage: str) -> int:
    """0 inquiry, 1 chargeback, 2 pre-arbitration or appeal, 3 arbitration; an unknown word is a chargeback."""
    return _ROUNDS.get(stage.lower(), 1)


def event_of(told: Told, stand: Stand | None) -> str | None:
    """Which event of the table the provider's word is; None when it changes nothing."""
    if told.word in ("won", "lost"):
        return "win" if told.word == "won" else "lose"
    if stand is not None and stand.round == told.round and stand.state in (*OPEN, State.ACCEPTED):
        return None
    if stand is not None and stand.submitted_round == told.round:
        return "answered"
    return "inquire" if told.round == 0 else "open"


def after(told: Told, stand: Stand | None) -> State:
    """The state that follows from the provider's word."""
    event = event_of(told, stand)
    before = stand.state if stand else LIFECYCLE.start
    return before if event is None else LIFECYCLE.after(before, event)
