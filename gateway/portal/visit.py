"""Who may read a page of the portal: the link proves which decision, a second fact that it is the buyer's own.

Anybody can type somebody's mailbox and an address of his own into a checkout. So of a buyer who has ordered before only the
postcode of his first order counts: what the decision was told proves nothing about whom it leads to.

Tries are counted per link and network, and per link from everywhere, in windows that end by themselves: nobody guesses a
postcode, and nobody keeps the buyer out for good.
"""

import hmac
import time
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from flask import request, session
from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.checkout import explanations, links
from gateway.checkout.explanations import ExplanationGone, Known
from gateway.checkout.links import Link
from gateway.core import clock
from gateway.core.errors import NotFound
from gateway.core.http import services
from gateway.core.limits import Limit, network_of
from gateway.merchants import secrets
from gateway.merchants.secrets import MerchantUnknown
from gateway.privacy import rights
from gateway.shops import buyers, shops
from gateway.shops.details import open_details
from gateway.shops.identity import fold, normal_email
from gateway.shops.models import Order
from gateway.shops.shops import ShopFacts

TRIES = Limit("why-try", most=6, window_s=900)
"""Second facts per link from one network."""
TRIES_OF_LINK = Limit("why-link", most=30, window_s=3600)
"""Second facts per link from everywhere."""
TRIES_OF_DAY = Limit("why-link-day", most=60, window_s=86_400)
"""And per day: in the sixty days of a link that is less than half of Germany's postcodes."""
OPEN_S = 1800
MOST_OPEN = 5


class LinkUnknown(NotFound):
    """This link is not valid; ask the shop for a new one."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A proven link with what it leads to. `proof` says how the visitor showed who he is; "" while he has not."""

    link: Link
    token: str = field(repr=False)
    known: Known = field(repr=False)
    shop: ShopFacts
    proof: str
    first: dict[str, Any] | None = field(default=None, repr=False)
    """What his first order told; None of somebody who has not ordered yet."""

    @property
    def buyer_id(self) -> UUID | None:
        return self.known.row.buyer_id

    @property
    def open(self) -> bool:
        """Whether personal data may be shown; where nobody is named there is none."""
        return bool(self.proof) or self.known.told is None


def of(token: str) -> Visit:
    """The visit by this link. Raises LinkUnknown, or ExplanationGone when its time or its buyer has gone."""
    link = links.read(token)
    if link is None:
        raise LinkUnknown
    try:
        with services().db.transaction(link.merchant_id) as opened:
            return _read(opened, token, link)
    except MerchantUnknown:
        raise LinkUnknown from None


def _read(opened: Session, token: str, link: Link) -> Visit:
    if not links.genuine(token, secrets.get_key(opened, services().keyring, "index")):
        raise LinkUnknown
    if clock.now() >= link.until:
        raise ExplanationGone
    known = explanations.get(opened, services().keyring, _decision(opened, link))
    if known.erased:
        raise ExplanationGone
    shop, first = shops.get(opened, known.row.shop_id), _first_order(opened, known)
    return Visit(link, token, known, shop, _proof_of(link), first)


def _first_order(opened: Session, known: Known) -> dict[str, Any] | None:
    buyer_id = known.row.buyer_id
    if buyer_id is None or known.told is None:
        return None
    mine = Order.merchant_id == known.row.merchant_id, Order.buyer_id == buyer_id, Order.details_sealed.is_not(None)
    wanted = select(Order.id, Order.details_sealed).where(*mine).order_by(Order.placed_at, Order.id).limit(1)
    row = opened.execute(wanted).one_or_none()
    return row and open_details(buyers.find_key(opened, services().keyring, buyer_id), row.id, row.details_sealed)


def _decision(opened: Session, link: Link) -> UUID:
    if link.use == links.EXPLANATION:
        return link.subject
    row = rights.get(opened, services().keyring, link.subject).row
    if row.decision_id is None:
        raise LinkUnknown
    return row.decision_id


def prove(visit: Visit, told: str) -> Visit:
    """Check a second fact and remember for half an hour that it was right. Raises TooMany; the visit without proof else."""
    _count(visit)
    proof = _matching(visit, told)
    if not proof:
        return visit
    kept = {name: value for name, value in session.get("why", {}).items() if value[0] > time.time()}
    newest = dict(sorted(kept.items(), key=lambda one: -one[1][0])[: MOST_OPEN - 1])
    session["why"] = {**newest, _name(visit.link): [int(time.time()) + OPEN_S, proof]}
    return replace(visit, proof=proof)


def leave() -> None:
    """Forget on this device what was opened."""
    session.pop("why", None)


def facts_asked(visit: Visit) -> tuple[bool, bool]:
    """Whether a postcode and whether an e-mail address can open this page."""
    return bool(_postcodes(visit)), bool(_email(visit))


def _count(visit: Visit) -> None:
    cache, now_s = services().cache, clock.now().timestamp()
    TRIES.take(cache, f"{_name(visit.link)} {network_of(request.remote_addr)}", now_s)
    TRIES_OF_LINK.take(cache, _name(visit.link), now_s)
    TRIES_OF_DAY.take(cache, _name(visit.link), now_s)


def _matching(visit: Visit, told: str) -> str:
    """`postcode` or `email`, whichever fits; "" for neither."""
    if "@" in told:
        email = _email(visit)
        return "email" if email and _same(normal_email(told), normal_email(email)) else ""
    offered = _plain(told)
    fits = [offered != "" and _same(offered, one) for one in _postcodes(visit)]
    return "postcode" if any(fits) else ""


def _email(visit: Visit) -> str:
    """Who has ordered is found by it, so whoever got him a decision knows it."""
    return visit.known.email if visit.first is None else ""


def _postcodes(visit: Visit) -> list[str]:
    told = visit.known.told if visit.first is None else visit.first
    parts = [told[name] for name in ("billing", "delivery") if told.get(name)] if told else []
    return [code for part in parts if (code := _plain(part.get("postcode") or ""))]


def _plain(text: str) -> str:
    return "".join(letter for letter in fold(text) if letter.isalnum())


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _proof_of(link: Link) -> str:
    until, proof = session.get("why", {}).get(_name(link), (0, ""))
    return str(proof) if until > time.time() else ""


def _name(link: Link) -> str:
    return f"{link.use}.{link.subject.hex}"
