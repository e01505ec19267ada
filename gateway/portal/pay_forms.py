"""Forms of the debtor's page: few fields, plain words, nothing filled in that he would have to take back."""

from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms import DateField, EmailField, HiddenField, RadioField, SelectField, StringField, TelField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from gateway.core.ids import new_id
from gateway.receivables.debtor_words import MAX_PHONE, MAX_WHEN
from gateway.receivables.objections import CATEGORIES, MAX_WORDS

_ = lazy_gettext
NEEDED = _("Please fill in this field.")
CHOOSE = _("Please choose one.")


class OnceForm(FlaskForm):  # type: ignore[misc] # Flask-WTF ships no types
    """A form with an id of its own, so that sent twice it counts once."""

    once = HiddenField()

    @property
    def act_id(self) -> UUID:
        """The form's id; a new one where the browser sent nothing usable."""
        try:
            return UUID(hex=self.once.data or "")
        except ValueError:
            return new_id()

    def fresh(self) -> "OnceForm":
        """As it is shown: with a new id."""
        self.once.data = new_id().hex
        return self


class FactForm(FlaskForm):  # type: ignore[misc] # as above
    fact = StringField(_("Your postcode or the number of the invoice"), [InputRequired(NEEDED), Length(max=80)])


class SplitForm(OnceForm):
    rates = SelectField(_("Number of instalments"), [InputRequired(CHOOSE)], choices=[], validate_choice=False)
    rhythm = SelectField(
        _("How often"), choices=[SelectChoice("monthly", _("every month")), SelectChoice("weekly", _("every week"))]
    )
    first_due = DateField(_("First instalment on"), [InputRequired(NEEDED)])


class PromiseForm(OnceForm):
    pay_on = DateField(_("I pay on"), [InputRequired(NEEDED)])
    amount = StringField(_("Amount"), [InputRequired(NEEDED), Length(max=20)])


class DeferForm(OnceForm):
    until_on = DateField(_("New date"), [InputRequired(NEEDED)])


class ObjectForm(OnceForm):
    claim = RadioField(_("Which invoice?"), [InputRequired(CHOOSE)], choices=[])
    category = RadioField(
        _("What is wrong?"), [InputRequired(CHOOSE)], choices=[SelectChoice(code, code) for code in CATEGORIES]
    )
    amount = StringField(_("Only a part? Then the amount that is wrong (optional)"), [Optional(), Length(max=20)])
    words = TextAreaField(_("In your own words (optional)"), [Optional(), Length(max=MAX_WORDS)])
    files = MultipleFileField(_("Files as proof (optional)"))


class PaidForm(OnceForm):
    files = MultipleFileField(_("Proof of payment"))
    words = TextAreaField(_("When and how did you pay? (optional)"), [Optional(), Length(max=MAX_WORDS)])


class CallForm(OnceForm):
    phone = TelField(_("Your telephone number"), [InputRequired(NEEDED), Length(max=MAX_PHONE)])
    when = StringField(_("When does it suit you? (optional)"), [Optional(), Length(max=MAX_WHEN)])


class ContactForm(OnceForm):
    email = EmailField(_("E-mail address"), [Optional(), Length(max=320)])
    line1 = StringField(_("Street and number"), [Optional(), Length(max=200)])
    postcode = StringField(_("Postcode"), [Optional(), Length(max=20)])
    city = StringField(_("City"), [Optional(), Length(max=100)])


class HelpForm(OnceForm):
    reason = RadioField(
        _("What is the matter?"),
        [InputRequired(CHOOSE)],
        choices=[
            SelectChoice("hardship", _("I cannot pay at the moment")),
            SelectChoice("insolvency", _("Insolvency proceedings are running")),
            SelectChoice("guardianship", _("I have a legal guardian, or I am one")),
            SelectChoice("death", _("The person on the invoice has died")),
        ],
    )
    words = TextAreaField(_("What should we know? (optional)"), [Optional(), Length(max=MAX_WORDS)])


class FeedbackForm(OnceForm):
    grade = RadioField(
        _("How did we treat you?"),
        [InputRequired(CHOOSE)],
        choices=[
            SelectChoice("5", _("very well")),
            SelectChoice("4", _("well")),
            SelectChoice("3", _("all right")),
            SelectChoice("2", _("badly")),
            SelectChoice("1", _("very badly")),
        ],
    )
    words = TextAreaField(_("What should be better? (optional)"), [Optional(), Length(max=2000)])


class SimpleForm(OnceForm):
    """Nothing but the proof that the page was ours."""


def chosen(form: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """What was filled in."""
    return {name: value for name in names if (value := (form[name].data or "").strip())}
