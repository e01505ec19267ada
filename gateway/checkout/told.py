"""What a question says, as far as facts are made of it (pure)."""

from gateway.checkout.request import CheckoutRequest
from gateway.risk.gather import Told


def told_of(asked: CheckoutRequest) -> Told:
    """The part of a question that `gather` reads."""
    buyer = asked.buyer
    company = asked.billing.company if asked.billing else ""
    return Told(
        currency=asked.currency,
        total_minor=asked.total_minor,
        items=asked.items,
        discount_minor=asked.discount_minor,
        email=buyer.email,
        phone=buyer.phone,
        business=bool(buyer.company or buyer.vat_id or company),
        guest=buyer.guest,
        billing=asked.billing,
        delivery=asked.delivery,
    )
