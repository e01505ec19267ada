"""Forms of the desk. What they refuse is told in the language of the page; what commands refuse is put beside it."""

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Email, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from gateway.merchants.auth import SCOPES
from gateway.merchants.models import Role
from gateway.merchants.passwords import MAX_LENGTH, MIN_LENGTH
from gateway.privacy.reviews import MAX_DAYS
from gateway.privacy.rights import MAX_ANSWER
from gateway.risk.lists import MAX_REASON

_ = lazy_gettext
LANGUAGES = [SelectChoice("de", "Deutsch"), SelectChoice("en", "English")]
ROLES = [
    SelectChoice(Role.READER.value, _("Reader: sees everything, changes nothing")),
    SelectChoice(Role.CLERK.value, _("Clerk: keeps the lists, reads notices")),
    SelectChoice(Role.ADMIN.value, _("Admin: changes policies, keys and messages")),
    SelectChoice(Role.OWNER.value, _("Owner: also invites and disables users")),
]


class SignInForm(FlaskForm):  # type: ignore[misc] # Flask-WTF ships no types
    email = EmailField(_("E-mail"), [InputRequired(), Length(max=320)])
    password = PasswordField(_("Password"), [InputRequired(), Length(max=MAX_LENGTH)])


class NewPasswordForm(FlaskForm):  # type: ignore[misc] # as above
    password = PasswordField(_("New password"), [InputRequired(), Length(min=MIN_LENGTH, max=MAX_LENGTH)])


class ReturnForm(FlaskForm):  # type: ignore[misc] # as above
    amount = StringField(_("Amount"), [Optional(), Length(max=20)])
    reason = StringField(_("Reason"), [Optional(), Length(max=500)])


class EntryForm(FlaskForm):  # type: ignore[misc] # as above
    action = SelectField(_("What"), choices=[SelectChoice("block", _("block")), SelectChoice("allow", _("trust"))])
    kind = SelectField(
        _("Kind"),
        choices=[
            SelectChoice("email", _("e-mail address")),
            SelectChoice("phone", _("phone number")),
            SelectChoice("address", _("postal address")),
            SelectChoice("domain", _("mail domain")),
            SelectChoice("ip", _("IP address")),
            SelectChoice("device", _("device")),
            SelectChoice("handle", _("means of payment")),
        ],
    )
    value = StringField(_("Value"), [InputRequired(), Length(max=320)])
    postcode = StringField(_("Postcode (addresses)"), [Optional(), Length(max=20)])
    city = StringField(_("City (addresses)"), [Optional(), Length(max=200)])
    country = StringField(_("Country (addresses, phones)"), [Optional(), Length(min=2, max=2)], default="DE")
    reason = StringField(_("Reason"), [InputRequired(), Length(max=MAX_REASON)])
    expires_on = DateField(_("Until (optional)"), [Optional()])
    mode = SelectField(_("For"), choices=[SelectChoice("live", _("live shops")), SelectChoice("test", _("test shops"))])


class PolicyForm(FlaskForm):  # type: ignore[misc] # as above
    body = TextAreaField(_("Document (JSON)"), [InputRequired(), Length(max=200_000)])
    note = StringField(_("Why this change"), [Length(max=300)])


class StageForm(FlaskForm):  # type: ignore[misc] # as above
    stage = SelectField(
        _("Stage"),
        choices=[
            SelectChoice("shadow", _("in the shadow")),
            SelectChoice("share", _("for a share of the buyers")),
            SelectChoice("live", _("for everybody")),
            SelectChoice("draft", _("back to the drafts")),
        ],
    )
    percent = IntegerField(_("Share in %"), [Optional(), NumberRange(1, 99)])


class BacktestForm(FlaskForm):  # type: ignore[misc] # as above
    days = SelectField(
        _("Period"),
        choices=[
            SelectChoice("30", _("the last 30 days")),
            SelectChoice("90", _("the last 90 days")),
            SelectChoice("365", _("the last year")),
        ],
        default="90",
    )
    most = SelectField(
        _("At most"),
        choices=[SelectChoice(str(most), str(most)) for most in (1_000, 10_000, 50_000)],
        default="10000",
    )


class KeyForm(FlaskForm):  # type: ignore[misc] # as above
    shop = SelectField(_("Shop"))
    name = StringField(_("Name"), [InputRequired(), Length(max=100)])
    scopes = SelectMultipleField(
        _("Scopes"),
        [InputRequired()],
        choices=[SelectChoice(scope, scope) for scope in sorted(SCOPES)],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    expires_on = DateField(_("Until (optional)"), [Optional()])


class InviteForm(FlaskForm):  # type: ignore[misc] # as above
    email = EmailField(_("E-mail"), [InputRequired(), Email(), Length(max=320)])
    name = StringField(_("Name"), [InputRequired(), Length(max=200)])
    role = SelectField(_("Role"), choices=ROLES)
    language = SelectField(_("Language"), choices=LANGUAGES)


class RoleForm(FlaskForm):  # type: ignore[misc] # as above
    role = SelectField(_("Role"), choices=ROLES)


class AnswerForm(FlaskForm):  # type: ignore[misc] # as above
    text = TextAreaField(_("Reason, as the buyer reads it"), [InputRequired(), Length(max=MAX_ANSWER)])
    days = IntegerField(_("A grant holds for (days)"), [Optional(), NumberRange(1, MAX_DAYS)])


class SenderForm(FlaskForm):  # type: ignore[misc] # as above
    """Who letters come from; `senders.profile` says what is right."""

    legal_name = StringField(_("Full legal name"), [InputRequired(), Length(max=140)])
    street = StringField(_("Street"), [InputRequired(), Length(max=100)])
    house_number = StringField(_("House number"), [Length(max=100)])
    line2 = StringField(_("Addition"), [Length(max=100)])
    postcode = StringField(_("Postcode"), [InputRequired(), Length(max=100)])
    city = StringField(_("City"), [InputRequired(), Length(max=100)])
    country = StringField(_("Country (two letters)"), [InputRequired(), Length(max=2)])
    register = StringField(_("Register and number"), [Length(max=140)])
    vat_id = StringField(_("VAT id"), [Length(max=100)])
    email = StringField(_("E-mail for questions"), [Length(max=254)])
    phone = StringField(_("Phone"), [Length(max=100)])
    website = StringField(_("Website"), [Length(max=200)])
    account_holder = StringField(_("Account holder, exactly as the bank knows it"), [Length(max=70)])
    iban = StringField(_("IBAN"), [InputRequired(), Length(max=42)])
    bic = StringField(_("BIC"), [Length(max=15)])
    swiss_iban = StringField(_("Swiss IBAN for francs"), [Length(max=42)])
    qr_iban = StringField(_("QR-IBAN"), [Length(max=42)])
    bureau = StringField(_("Credit bureau that letters may name"), [Length(max=100)])
    partner = StringField(_("Collection partner that last letters may name"), [Length(max=100)])


SENDER_FIELDS = (
    "legal_name",
    "street",
    "house_number",
    "line2",
    "postcode",
    "city",
    "country",
    "register",
    "vat_id",
    "email",
    "phone",
    "website",
    "account_holder",
    "iban",
    "bic",
    "swiss_iban",
    "qr_iban",
    "bureau",
    "partner",
)


class ConfirmForm(FlaskForm):  # type: ignore[misc] # as above
    """Nothing but the proof that the page was ours."""

    sure = BooleanField(_("Yes, really"))


class ObjectionForm(FlaskForm):  # type: ignore[misc] # as above
    answer = TextAreaField(_("Answer to the debtor"), [InputRequired(), Length(max=4000)])
    credit = StringField(_("Credit, if not everything (accepted only)"), [Optional(), Length(max=20)])
    finding = SelectField(
        _("Was it justified?"),
        choices=[
            SelectChoice("justified", _("justified")),
            SelectChoice("partly", _("partly justified")),
            SelectChoice("pretext", _("a pretext")),
            SelectChoice("unclear", _("unclear")),
        ],
    )
    grounds = TextAreaField(_("Grounds (not shown to the debtor)"), [InputRequired(), Length(max=4000)])


class BankFileForm(FlaskForm):  # type: ignore[misc] # as above
    file = FileField(_("File"), [FileRequired(_("Choose a file."))])
    mode = SelectField(_("Books"), choices=[SelectChoice("live", _("live")), SelectChoice("test", _("test"))])
