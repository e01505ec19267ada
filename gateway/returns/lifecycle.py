"""What becomes of a return, in whatever order its acts were told (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from gateway.core.states import Lifecycle


class ReturnState(StrEnum):
    """Where a return stands."""

    ANNOUNCED = "ANNOUNCED"
    RECEIVED = "RECEIVED"
    SETTLED = "SETTLED"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class ReturnAct(StrEnum):
    """What can be told of a return after its announcement."""

    RECEIVE = "receive"
    SETTLE = "settle"
    REFUSE = "refuse"
    CANCEL = "cancel"
    EXPIRE = "expire"
    ACCEPT = "accept"
    """The merchant accepts a withdrawal that came late, or to which he was not bound."""


KINDS = ("withdrawal", "return", "warranty", "complaint")
S, A = ReturnState, ReturnAct
LIFECYCLE = Lifecycle(
    "return",
    S.ANNOUNCED,
    {
        **{(state, A.RECEIVE): S.RECEIVED for state in (S.ANNOUNCED, S.RECEIVED, S.EXPIRED)},
        (S.SETTLED, A.RECEIVE): S.SETTLED,
        **{(state, A.SETTLE): S.SETTLED for state in (S.ANNOUNCED, S.RECEIVED, S.EXPIRED, S.SETTLED)},
        **{(state, A.REFUSE): S.REFUSED for state in (S.ANNOUNCED, S.EXPIRED)},
        **{(state, A.CANCEL): S.CANCELLED for state in (S.ANNOUNCED, S.EXPIRED)},
        (S.ANNOUNCED, A.EXPIRE): S.EXPIRED,
        **{(state, A.ACCEPT): state for state in (S.ANNOUNCED, S.RECEIVED, S.SETTLED, S.EXPIRED)},
    },
)
"""What was received is credited, so it is refused before, not after: goods taken back in part are received with the value
that counts."""


@dataclass(frozen=True, slots=True)
class Acted:
    """One act as far as the fold needs it."""

    act: str
    external_id: str
    occurred_at: datetime
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class ReturnFold:
    """A return after all its acts. Amounts in minor units."""

    state: ReturnState
    received_minor: int
    refunded_minor: int
    received_at: datetime | None
    ended_at: datetime | None
    accepted: bool


def fold(acts: Iterable[Acted]) -> ReturnFold:
    """The return as its acts make it; the same for every order of their arrival. An act that comes too late moves nothing."""
    state, ended_at, counted = LIFECYCLE.start, None, []
    for act in sorted(acts, key=lambda one: (one.occurred_at, one.external_id)):
        if not LIFECYCLE.allows(state, act.act):
            continue
        after = LIFECYCLE.after(state, act.act)
        if after != state:
            ended_at = None if after == S.RECEIVED else act.occurred_at
        state = after
        counted.append(act)
    received = [act for act in counted if act.act == A.RECEIVE]
    return ReturnFold(
        state=state,
        received_minor=sum(act.amount_minor or 0 for act in received),
        refunded_minor=sum(act.amount_minor or 0 for act in counted if act.act == A.SETTLE),
        received_at=min((act.occurred_at for act in received), default=None),
        ended_at=ended_at,
        accepted=any(act.act == A.ACCEPT for act in counted),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A return that can take what the shop tells of the order: up to its worth, goods and money apart."""

    id: UUID
    announced_at: datetime
    goods_minor: int
    money_minor: int


def share(places: Sequence[Place], told: Iterable[Acted]) -> tuple[dict[UUID, list[Acted]], list[Acted]]:
    """What the shop told of the order, given to its returns in the order of their announcement; and what is left over."""
    ordered = sorted(places, key=lambda one: (one.announced_at, one.id))
    room = {(place.id, A.RECEIVE): place.goods_minor for place in ordered}
    room |= {(place.id, A.SETTLE): place.money_minor for place in ordered}
    given: dict[UUID, list[Acted]] = {place.id: [] for place in ordered}
    rest: list[Acted] = []
    for act in sorted(told, key=lambda one: (one.occurred_at, one.external_id)):
        left = act.amount_minor or 0
        for place in ordered:
            part = min(left, room[place.id, A(act.act)])
            if part > 0:
                room[place.id, A(act.act)] -= part
                left -= part
                given[place.id].append(Acted(act.act, act.external_id, act.occurred_at, part))
        if left:
            rest.append(Acted(act.act, act.external_id, act.occurred_at, left))
    return given, rest
