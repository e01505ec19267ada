"""Publish up: a package tells what happened, the packages above listen, all in one transaction.

Who listens to what is a table in `wiring`, installed once per process; packages below never know it.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

Listener = Callable[[Session, Any], None]

_listeners: Mapping[type, tuple[Listener, ...]] = MappingProxyType({})


def install(table: Mapping[type, Iterable[Listener]]) -> None:
    """Make `table` (event class → listeners) the one in force."""
    global _listeners  # noqa: PLW0603 - one table per process, replaced as a whole
    _listeners = MappingProxyType({event: tuple(listeners) for event, listeners in table.items()})


def publish(session: Session, event: object) -> None:
    """Call everybody who listens to this kind of event, in the order of the table, in this transaction."""
    for listener in _listeners.get(type(event), ()):
        listener(session, event)
