"""Forms about a claim."""

from decimal import Decimal, InvalidOperation
from uuid import UUID

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, HiddenField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from gateway.core.errors import Invalid
from gateway.core.ids import new_id
from gateway.core.money import MAX_MINOR, exponent
from gateway.receivables.lifecycle import HoldReason
from gateway.receivables.payment_terms import MOST_TERM_DAYS

_ = lazy_gettext
MAX_WORDS = 500


class OnceForm(FlaskForm):  # type: ignore[misc] # Flask-WTF ships no types
    """Money is booked once, however often the button is pressed: the form has an id of its own."""

    once = HiddenField()

    @property
    def once_id(self) -> str:
        """A new one where the browser sent nothing usable."""
        try:
            return str(UUID(self.once.data or ""))
        except ValueError:
            return str(new_id())


class MoneyInForm(OnceForm):
    amount = StringField(_("Amount"), [InputRequired(), Length(max=20)])
    paid_on = DateField(_("Paid on"), [InputRequired()])
    purpose = StringField(_("Purpose, as the payer wrote it"), [Optional(), Length(max=MAX_WORDS)])


class ProofForm(FlaskForm):  # type: ignore[misc] # as above
    amount = StringField(_("Amount"), [InputRequired(), Length(max=20)])
    paid_on = DateField(_("Paid on"), [InputRequired()])


class HoldForm(FlaskForm):  # type: ignore[misc] # as above
    reason = SelectField(_("Reason"), choices=[SelectChoice(one.value, one.value) for one in HoldReason])
    until_on = DateField(_("Last day (optional)"), [Optional()])


class CreditForm(OnceForm):
    amount = StringField(_("Amount"), [InputRequired(), Length(max=20)])
    from_start = BooleanField(_("It was never owed (goods came back, a defect)"))
    reason = StringField(_("Why"), [InputRequired(), Length(max=MAX_WORDS)])


class DueDateForm(FlaskForm):  # type: ignore[misc] # as above
    due_date = DateField(_("New due date"), [InputRequired()])
    reason = StringField(_("Why"), [InputRequired(), Length(max=MAX_WORDS)])


class NoteForm(FlaskForm):  # type: ignore[misc] # as above
    text = StringField(_("Note"), [InputRequired(), Length(max=MAX_WORDS)])


class WhyForm(FlaskForm):  # type: ignore[misc] # as above
    reason = StringField(_("Why"), [InputRequired(), Length(max=MAX_WORDS)])


class RefundForm(FlaskForm):  # type: ignore[misc] # as above
    amount = StringField(_("Amount"), [InputRequired(), Length(max=20)])
    paid_on = DateField(_("Paid back on"), [InputRequired()])


class PaymentTermsForm(FlaskForm):  # type: ignore[misc] # as above
    """`payment_terms.compile_terms` says what is right."""

    term_days = IntegerField(
        _("Days to pay after delivery, where an order names no day"), [InputRequired(), NumberRange(1, MOST_TERM_DAYS)]
    )
    term_agreed = BooleanField(_("Buyers agree on this term before they order"))
    day_agreed = BooleanField(_("The due date of an order is agreed at checkout"))
    invoice_notice = BooleanField(_("Invoices tell consumers that they are in default after 30 days (§ 286 (3) BGB)"))
    terms = StringField(_("Terms and conditions in which it stands, with version"), [Length(max=200)])


def minor_of(text: str, currency: str) -> int:
    """`12,50` or `1.234,50` or `12.50` in minor units. Raises Invalid for what is no amount of this currency."""
    digits = text.strip().replace(" ", "").replace("'", "")
    if "," in digits:
        digits = digits.replace(".", "").replace(",", ".")
    try:
        minor = Decimal(digits).scaleb(exponent(currency))
    except InvalidOperation:
        minor = Decimal(0)
    if not minor.is_finite() or minor != minor.to_integral_value() or not 0 < minor <= MAX_MINOR:
        raise Invalid.at("/amount", "is no amount")
    return int(minor)
