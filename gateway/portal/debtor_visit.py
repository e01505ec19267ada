"""Who may read a debtor's page: the link proves whose, a second fact that the reader has the letter or lives there.

Second fact is a postcode of the debtor or the number of one of his invoices. Anybody can type somebody's mailbox and an
address of his own into a checkout, so a fact opens the claims it belongs to and those that share a postcode with them, not
whatever else is booked under that mailbox. Tries are counted per link and network, and per link from everywhere, in
windows that end by themselves: nobody guesses a postcode, and nobody keeps the debtor out for good.
"""

import hmac
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

from flask import request, session
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.clock import local_date
from gateway.core.errors import GatewayError, NotFound
from gateway.core.http import services
from gateway.core.limits import Limit, network_of
from gateway.merchants import secrets
from gateway.merchants.secrets import MerchantUnknown
from gateway.receivables import debtor_acts, debtor_claims, debtor_links
from gateway.receivables.debtor_claims import DebtorClaim
from gateway.receivables.debtor_links import DebtorLink
from gateway.shops import buyers, shops
from gateway.shops.buyers import BuyerUnknown
from gateway.shops.identity import fold
from gateway.shops.shops import ShopFacts

TRIES = Limit("pay-try", most=6, window_s=900)
"""Second facts per debtor from one network."""
TRIES_OF_LINK = Limit("pay-link", most=20, window_s=3600)
"""Second facts per debtor from everywhere."""
TRIES_OF_DAY = Limit("pay-link-day", most=40, window_s=86_400)
OPEN_S = 1800
MOST_OPEN, MOST_SEEDS = 4, 8


class PayLinkUnknown(NotFound):
    """This link is not valid; use the link of the newest letter, or ask the shop for a new one."""


class PayLinkEnded(GatewayError):
    """This link has ended; use the link of the newest letter, or ask the shop for a new one."""

    status = 410


class PayDoorClosed(NotFound):
    """This page opens with your postcode or the number of an invoice."""


@dataclass(frozen=True, slots=True)
class DebtorVisit:
    """A proven link with what it leads to. `claims` are those the visitor has shown to be his; none while he has not."""

    link: DebtorLink
    token: str = field(repr=False)
    shop: ShopFacts
    today: date
    all_claims: tuple[DebtorClaim, ...] = field(repr=False)
    seeds: tuple[UUID, ...] = ()

    @property
    def buyer_id(self) -> UUID:
        return self.link.buyer_id

    @property
    def actor(self) -> str:
        return debtor_acts.actor_of(self.buyer_id)

    @property
    def open(self) -> bool:
        return bool(self.claims)

    @property
    def claims(self) -> tuple[DebtorClaim, ...]:
        return tuple(visible(self.all_claims, self.seeds))

    @property
    def others(self) -> int:
        """Claims that another fact opens."""
        return len(self.all_claims) - len(self.claims)

    def claim(self, claim_id: UUID) -> DebtorClaim:
        """One he may see. Raises PayLinkUnknown's kin: another debtor's claim does not exist here."""
        for one in self.claims:
            if one.id == claim_id:
                return one
        raise NotFound(thing="claim")


def of(token: str) -> DebtorVisit:
    """The visit by this link. Raises PayLinkUnknown, or PayLinkEnded when its time, its revocation or erasure has come."""
    link = debtor_links.read(token)
    if link is None:
        raise PayLinkUnknown
    try:
        with services().db.transaction(link.merchant_id) as opened:
            return _read(opened, token, link)
    except (MerchantUnknown, BuyerUnknown):
        raise PayLinkUnknown from None


def _read(opened: Session, token: str, link: DebtorLink) -> DebtorVisit:
    keyring, now = services().keyring, clock.now()
    if not debtor_links.genuine(token, secrets.get_key(opened, keyring, "index")):
        raise PayLinkUnknown
    revoked_at = debtor_acts.revoked_at(opened, link.buyer_id)
    if now >= link.until or (revoked_at is not None and link.made_at <= revoked_at):
        raise PayLinkEnded
    if buyers.find_key(opened, keyring, link.buyer_id) is None:
        raise PayLinkEnded
    found = debtor_claims.of_buyer(opened, keyring, link.buyer_id)
    if not found:
        raise PayLinkEnded
    shop = shops.get(opened, found[0].shop_id)
    return DebtorVisit(link, token, shop, local_date(now, shop.timezone), tuple(found), _seeds_of(link))


def prove(visit: DebtorVisit, told: str) -> DebtorVisit:
    """Check a second fact and remember for half an hour what it opened. Raises TooMany; the visit as it was otherwise."""
    _count(visit.link)
    offered = plain(told)
    fits = [one.id for one in visit.all_claims if _matches(offered, one)]
    if not offered or not fits:
        return visit
    seeds = tuple(dict.fromkeys([*visit.seeds, *fits]))[-MOST_SEEDS:]
    kept = {name: value for name, value in session.get("pay", {}).items() if value[0] > time.time()}
    newest = dict(sorted(kept.items(), key=lambda one: -one[1][0])[: MOST_OPEN - 1])
    session["pay"] = {**newest, _name(visit.link): [int(time.time()) + OPEN_S, *(seed.hex for seed in seeds)]}
    return replace(visit, seeds=seeds)


def leave() -> None:
    """Forget on this device what was opened."""
    session.pop("pay", None)


def visible(claims: Sequence[DebtorClaim], seeds: Iterable[UUID]) -> list[DebtorClaim]:
    """The claims a fact was shown for, and those that share a postcode with one of them."""
    seen = set(seeds)
    places = {code for one in claims if one.id in seen for code in one.postcodes}
    return [one for one in claims if one.id in seen or places.intersection(one.postcodes)]


def _matches(offered: str, claim: DebtorClaim) -> bool:
    """Every fact is compared, whichever fits: the time it takes tells nothing."""
    fits = [_same(offered, fact) for fact in facts_of(claim)]
    return any(fits)


def facts_of(claim: DebtorClaim) -> list[str]:
    """What opens this claim."""
    return [*claim.own_postcodes, *filter(None, [plain(claim.invoice_number)])]


def plain(text: str) -> str:
    """As it is compared: folded, letters and digits only."""
    return "".join(letter for letter in fold(text) if letter.isalnum())


def _count(link: DebtorLink) -> None:
    cache, now_s = services().cache, clock.now().timestamp()
    TRIES.take(cache, f"{_name(link)} {network_of(request.remote_addr)}", now_s)
    TRIES_OF_LINK.take(cache, _name(link), now_s)
    TRIES_OF_DAY.take(cache, _name(link), now_s)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _seeds_of(link: DebtorLink) -> tuple[UUID, ...]:
    kept: list[Any] = session.get("pay", {}).get(_name(link), [0])
    return tuple(UUID(hex=seed) for seed in kept[1:]) if kept[0] > time.time() else ()


def _name(link: DebtorLink) -> str:
    """Of the debtor, whichever of his letters the link is from."""
    return f"{link.merchant_id.hex[:12]}{link.buyer_id.hex}"
