"""Payment terms at the desk: when claims of a shop are due, and whether that was agreed."""

from dataclasses import asdict
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.admin import desk
from gateway.admin.claim_forms import PaymentTermsForm
from gateway.core import clock
from gateway.core.errors import Invalid
from gateway.core.ids import to_public
from gateway.core.pages import say
from gateway.receivables import shop_terms
from gateway.receivables.payment_terms import PaymentTerms
from gateway.shops import shops

FIELDS = ("term_days", "term_agreed", "day_agreed", "invoice_notice", "terms")


def show() -> ResponseReturnValue:
    return _page()


def save() -> ResponseReturnValue:
    """The form of one shop; the others stay as they are."""
    public = request.form.get("shop", "")
    form, id_ = PaymentTermsForm(prefix=f"{public}-"), desk.id_of("shp", public)
    if not form.validate():
        return _page(id_, form), 422
    told = {name: form[name].data or "" if name == "terms" else form[name].data for name in FIELDS}
    try:
        with desk.transaction() as session:
            shop = shops.get(session, id_)
            terms = shop_terms.set_terms(session, shop.id, told, desk.who().user.actor, clock.now())
            desk.note(session, "payment-terms.set", "shop", shop.id, version=terms.version)
    except Invalid as fault:
        desk.put_faults(form, fault)
        return _page(id_, form), 422
    desk.done(say("Claims that are opened from now on follow these terms."))
    return redirect(url_for("admin.payment_terms"))


def _page(asked: UUID | None = None, told: PaymentTermsForm | None = None) -> str:
    with desk.transaction() as session:
        known = [(shop, shop_terms.terms_of(session, shop.id)) for shop in shops.list_shops(session)]
    forms = [
        (shop, terms, told if told is not None and shop.id == asked else _form(shop.id, terms)) for shop, terms in known
    ]
    return render_template("admin/payment_terms.html", forms=forms, fields=FIELDS, several=len(known) > 1)


def _form(shop_id: UUID, terms: PaymentTerms) -> PaymentTermsForm:
    return PaymentTermsForm(formdata=None, data=asdict(terms), prefix=f"{to_public('shp', shop_id)}-")
