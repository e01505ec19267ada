"""Tells the merchant's desk when a surge of declines starts and when it has ended: once each, not per attempt."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import redis
import structlog

from gateway.core import clock
from gateway.core.channels import post_notice
from gateway.core.ids import to_public
from gateway.core.schedule import Entry, Every
from gateway.core.services import Services
from gateway.core.work import Job, Task
from gateway.risk import shield

log = structlog.get_logger(__name__)

TOLD = "shield:told"
"""Surges whose start stands on a desk: `<merchant>:<shop>` → since when."""
MOST = 1000
"""Shops looked at in one round; the rest waits for the next."""
STARTED, ENDED = "card-testing-started", "card-testing-ended"


def watch(services: Services, now: datetime) -> int:
    """Post what has started or ended since the last round; returns how many notices. Nothing while the cache is away."""
    try:
        found: Any = services.cache.zrange(shield.SURGES, 0, MOST - 1, withscores=True)
        return sum(_look(services, member.decode(), until_s, now) for member, until_s in found)
    except redis.RedisError as error:
        log.warning("shield unavailable", kind=type(error).__name__)
        return 0


def _look(services: Services, member: str, until_s: float, now: datetime) -> int:
    """The mark is set after the notice is committed: after a crash a notice may come twice, none is lost."""
    cache = services.cache
    merchant_id, shop_id = (UUID(hex=part) for part in member.split(":"))
    since: Any = cache.hget(TOLD, member)
    surge = shield.surge_of(cache, merchant_id, shop_id, now.timestamp())
    posted = 0
    if since is None and surge is not None:
        facts = {"since": _moment(surge.since_s), "percent_beyond_usual": surge.percent}
        _post(services, merchant_id, STARTED, shop_id, facts, now)
        cache.hset(TOLD, member, surge.since_s)
        posted = 1
    if surge is None and until_s <= now.timestamp():
        if since is not None:
            facts = {"since": _moment(int(since)), "until": _moment(int(until_s))}
            _post(services, merchant_id, ENDED, shop_id, facts, now)
            posted = 1
        cache.hdel(TOLD, member)
        cache.zrem(shield.SURGES, member)
    return posted


def _post(
    services: Services, merchant_id: UUID, code: str, shop_id: UUID, facts: dict[str, Any], now: datetime
) -> None:
    with services.db.transaction(merchant_id) as session:
        post_notice(session, code, to_public("shp", shop_id), facts, now)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="minutes")


def _watch(services: Services, _job: Job) -> None:
    watch(services, clock.now())


WATCHING = Task("shield.watch", _watch)
SCHEDULE = (Entry("shield.watch", Every(60)),)
