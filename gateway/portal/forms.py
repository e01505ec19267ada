"""Forms of the portal, for buyers: few fields, plain words."""

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField, TelField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from gateway.privacy.corrections import MAX_LENGTH
from gateway.privacy.rights import MAX_WORDS

_ = lazy_gettext
_SHORT = [Optional(), Length(max=MAX_LENGTH)]


class DoorForm(FlaskForm):  # type: ignore[misc] # Flask-WTF ships no types
    fact = StringField(_("Postcode or e-mail address of your order"), [InputRequired(), Length(max=320)])


class PersonForm(FlaskForm):  # type: ignore[misc] # as above
    text = TextAreaField(_("What should the person know?"), [Optional(), Length(max=MAX_WORDS)])


class CorrectionForm(FlaskForm):  # type: ignore[misc] # as above
    first_name = StringField(_("First name"), _SHORT)
    last_name = StringField(_("Last name"), _SHORT)
    company = StringField(_("Company"), _SHORT)
    vat_id = StringField(_("VAT id"), _SHORT)
    phone = TelField(_("Phone"), _SHORT)
    billing_line1 = StringField(_("Billing address: street and number"), _SHORT)
    billing_postcode = StringField(_("Billing address: postcode"), _SHORT)
    billing_city = StringField(_("Billing address: city"), _SHORT)
    delivery_line1 = StringField(_("Delivery address: street and number"), _SHORT)
    delivery_postcode = StringField(_("Delivery address: postcode"), _SHORT)
    delivery_city = StringField(_("Delivery address: city"), _SHORT)
    text = TextAreaField(_("What is wrong? (optional)"), [Optional(), Length(max=MAX_WORDS)])


class SureForm(FlaskForm):  # type: ignore[misc] # as above
    sure = BooleanField(_("Yes, I am sure"), [InputRequired(_("Please tick the box."))])


class PlainForm(FlaskForm):  # type: ignore[misc] # as above
    """Nothing but the proof that the page was ours."""
