"""`POST /v1/decisions/{id}/selection`: the buyer has chosen, or places the order."""

from flask import Response, current_app, request

from gateway.checkout import api
from gateway.checkout.api import DecisionUnknown, checkout
from gateway.checkout.selection import Selections
from gateway.checkout.selection_schemas import Chosen, SelectedSchema, SelectionSchema
from gateway.core import idempotency
from gateway.core.ids import from_public
from gateway.merchants.guards import current

blueprint = api.blueprint


def selections() -> Selections:
    """The selections of this process."""
    found: Selections = current_app.extensions["kulanz.selections"]
    return found


@blueprint.post("/<decision_id>/selection")
@blueprint.arguments(SelectionSchema())
@blueprint.response(201, SelectedSchema())
@blueprint.alt_response(404, description="`decision-unknown`: no such decision in this shop")
@blueprint.alt_response(
    409,
    description="`decision-expired`, `method-not-offered`, `order-differs` (`differs` names what), "
    "`idempotency-conflict`, `request-in-progress`, `shop-closed`",
)
def select(chosen: Chosen, decision_id: str) -> Response:
    """Confirm the method that the buyer has chosen.

    Call it when he has chosen, or when he places the order. Only here a credit bureau may be asked: for methods and
    amounts that the policy names, with a proof that he was told or agreed, within the policy's deadline. The same choice
    gets the same answer, however often it is sent. Takes an `Idempotency-Key`.
    """
    who, id_ = current(), from_public("dec", decision_id)
    if id_ is None:
        raise DecisionUnknown
    key, attempt = request.headers.get("Idempotency-Key"), None
    if key is not None:
        data_key = checkout().keys(who.merchant_id).data
        scope = f"{who.shop_id} POST selection {decision_id}"
        attempt = idempotency.attempt(who.merchant_id, data_key, scope, key, request.get_data())
    body = selections().choose(who, id_, chosen, attempt)
    return Response(body, 201, content_type="application/json")
