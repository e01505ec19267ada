"""A life cycle is one table (state, event) → state; nothing else may move a thing."""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from gateway.core.errors import Refused

S = TypeVar("S", bound=Hashable)


class Lifecycle(Generic[S]):
    """Which event may move a thing from one state to the next."""

    def __init__(self, name: str, start: S, moves: Mapping[tuple[S, str], S]) -> None:
        self.name = name
        self.start = start
        self.moves = dict(moves)

    def after(self, state: S, event: str) -> S:
        """The state that follows. Raises `Refused` (409) when the table has no such move."""
        try:
            return self.moves[state, event]
        except KeyError:
            raise Refused(thing=self.name, state=str(state), event=event) from None

    def allows(self, state: S, event: str) -> bool:
        return (state, event) in self.moves

    @property
    def states(self) -> frozenset[S]:
        return frozenset({self.start, *(a for a, _ in self.moves), *self.moves.values()})

    @property
    def final(self) -> frozenset[S]:
        """States that nothing leaves."""
        return self.states - {a for a, _ in self.moves}
