"""Paying a claim at the shop's payment provider: a link while the debtor waits, and an honest page when he comes back."""

from uuid import UUID

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from gateway.core.errors import GatewayError, NotFound
from gateway.core.http import services
from gateway.payments import asking
from gateway.payments.providers import Link
from gateway.portal import pay_page
from gateway.portal.debtor_visit import DebtorVisit
from gateway.portal.pay_page import Card
from gateway.receivables import pay_links
from gateway.receivables.pay_links import PayOnlineAway


def can(session: Session, visit: DebtorVisit) -> frozenset[UUID]:
    """Claims of his that can be paid online."""
    shops = pay_links.connections_of(session, {one.row.shop_id for one in visit.claims})
    return frozenset(one.id for one in visit.claims if one.row.shop_id in shops)


def link(visit: DebtorVisit, claim_id: UUID) -> tuple[Card, Link]:
    """A page for what is open today. Raises NotFound where nothing is, PayOnlineAway when the provider does not answer."""
    visit.claim(claim_id)
    with services().db.transaction(visit.link.merchant_id) as session:
        cards = pay_page.page(session, visit).cards
        card = next((one for one in cards if one.claim.id == claim_id and one.is_owed), None)
        if card is None:
            raise NotFound(thing="claim")
        connection_id = pay_links.connections_of(session, {card.claim.row.shop_id}).get(card.claim.row.shop_id)
    if connection_id is None:
        raise PayOnlineAway
    back = f"{services().public_url}{url_for('pay.came_back', token=visit.token)}"
    owed = card.owed_minor, card.currency
    wanted = pay_links.wanted(claim_id, owed, f"{visit.shop.name}: {card.name}", back, visit.today)
    try:
        return card, asking.pay_link(services(), visit.link.merchant_id, connection_id, wanted)
    except GatewayError as error:
        raise PayOnlineAway(reason=error.code) from error


def shown(visit: DebtorVisit, claim_id: UUID) -> ResponseReturnValue:
    """The way on is a link and no redirect: the page's policy lets no form lead elsewhere."""
    card, made = link(visit, claim_id)
    return render_template("pay/online.html", visit=visit, card=card, url=made.url)


def came_back(visit: DebtorVisit) -> ResponseReturnValue:
    """Nothing is booked here."""
    return render_template("pay/came_back.html", visit=visit)
