"""`/v1/claims/payment-terms`: what the shop agrees with its buyers on when to pay; hangs on the claims' blueprint."""

from typing import Any
from uuid import UUID

from marshmallow import fields

from gateway.merchants import audit
from gateway.merchants.audit import Act
from gateway.receivables import api, shop_terms
from gateway.receivables.api import Counter, counter
from gateway.receivables.payment_terms import PaymentTerms, PaymentTermsSchema

blueprint = api.blueprint


class PaymentTermsViewSchema(PaymentTermsSchema):
    """The terms in force."""

    version = fields.Integer(
        required=True, metadata={"description": "0 while the shop has none of its own", "readOnly": True}
    )


VIEW = PaymentTermsViewSchema()


@blueprint.get("/payment-terms")
@blueprint.response(200, VIEW)
def payment_terms() -> PaymentTerms:
    """Read when claims of this shop are due, and on which ground."""
    with counter() as desk:
        return shop_terms.terms_of(desk.session, _shop(desk))


@blueprint.put("/payment-terms")
@blueprint.arguments(PaymentTermsSchema())
@blueprint.response(200, VIEW)
def set_payment_terms(told: dict[str, Any]) -> PaymentTerms:
    """Say when claims of this shop are due, and on which ground.

    For claims that are opened from now on; those that are there keep theirs. The same again is no new version.
    """
    with counter() as desk:
        terms = shop_terms.set_terms(desk.session, _shop(desk), told, desk.principal.actor, desk.now)
        act = Act(desk.principal.actor, "payment-terms.set", "shop", _shop(desk), {"version": terms.version})
        audit.log(desk.session, act, desk.now)
        return terms


def _shop(desk: Counter) -> UUID:
    return desk.principal.shop_id
