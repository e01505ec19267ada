"""Who letters of a merchant come from: name, address, register, account. No letter leaves without it."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from stdnum import iban as stdnum_iban
from stdnum.eu import vat

from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound
from gateway.merchants import secrets
from gateway.merchants.models import SenderProfile

_NEEDED = ("legal_name", "street", "postcode", "city", "country", "iban")
_MAX = {"legal_name": 140, "account_holder": 70, "register": 140, "website": 200, "email": 254}
_COUNTRY, _BIC = re.compile(r"[A-Z]{2}"), re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")
_QR_IID = range(30_000, 32_000)
"""Institution numbers of QR-IBANs (SIX)."""


class SenderMissing(NotFound):
    """There is no sender profile yet; letters wait until there is one."""


@dataclass(frozen=True, slots=True)
class Profile:
    """As the law wants a sender named. `account_holder` is the name the bank knows, else the legal name."""

    legal_name: str = ""
    street: str = ""
    house_number: str = ""
    line2: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    register: str = ""
    vat_id: str = ""
    email: str = ""
    phone: str = ""
    website: str = ""
    account_holder: str = ""
    iban: str = ""
    bic: str = ""
    swiss_iban: str = ""
    """For francs, where `iban` is no Swiss one."""
    qr_iban: str = ""
    bureau: str = ""
    """Name of the credit bureau that letters may name."""
    partner: str = ""
    """Name of the collection partner that last letters may name."""


FIELDS = tuple(field.name for field in fields(Profile))


def profile(told: Mapping[str, Any]) -> Profile:
    """A checked profile. Raises Invalid with every fault."""
    faults = [{"path": f"/{name}", "message": "is no field of a sender"} for name in told if name not in FIELDS]
    texts = {name: " ".join(str(told.get(name) or "").split()) for name in FIELDS}
    for name in ("iban", "swiss_iban", "qr_iban", "bic", "country"):
        texts[name] = texts[name].replace(" ", "").upper()
    faults += [{"path": f"/{name}", "message": "is needed"} for name in _NEEDED if not texts[name]]
    faults += [
        {"path": f"/{name}", "message": f"is longer than {_MAX.get(name, 100)} characters"}
        for name, text in texts.items()
        if len(text) > _MAX.get(name, 100)
    ]
    faults += [{"path": f"/{name}", "message": message} for name, message in _wrong(texts)]
    if faults:
        raise Invalid(errors=faults)
    return Profile(**{**texts, "account_holder": texts["account_holder"] or texts["legal_name"][:70]})


def _wrong(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    checks = [
        ("iban", _is_iban(texts["iban"]), "is no valid IBAN"),
        ("swiss_iban", _is_iban(texts["swiss_iban"]) and _is_swiss(texts["swiss_iban"]), "is no Swiss IBAN"),
        ("qr_iban", _is_iban(texts["qr_iban"]) and _is_qr(texts["qr_iban"]), "is no QR-IBAN"),
        ("bic", bool(_BIC.fullmatch(texts["bic"])), "is no BIC"),
        ("country", bool(_COUNTRY.fullmatch(texts["country"])), "is an ISO 3166 code of two letters"),
        ("vat_id", _is_vat(texts["vat_id"]), "is no valid VAT id"),
        ("email", _is_email(texts["email"]), "is no e-mail address"),
    ]
    wrong = [(name, message) for name, right, message in checks if texts[name] and not right]
    if not (texts["email"] or texts["phone"]):
        wrong.append(("email", "give an e-mail address or a phone number: debtors must be able to answer"))
    return wrong


def _is_iban(text: str) -> bool:
    return text.isascii() and bool(stdnum_iban.is_valid(text, check_country=False))


def _is_swiss(text: str) -> bool:
    return text[:2] in {"CH", "LI"}


def _is_qr(text: str) -> bool:
    return _is_swiss(text) and text[4:9].isdigit() and int(text[4:9]) in _QR_IID


def _is_vat(text: str) -> bool:
    """Of the EU with its check digits; of others only that it looks like one."""
    compact = re.sub(r"[\s.\-]", "", text).upper()
    if compact[:2] in {code.upper() for code in vat.MEMBER_STATES} | {"EL"}:
        return bool(vat.is_valid(compact))
    return bool(re.fullmatch(r"[A-Z]{2,3}[A-Z0-9]{6,20}", compact))


def _is_email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


def save(session: Session, keyring: Keyring, told: Mapping[str, Any], author: str, now: datetime) -> Profile:
    """Make this the sender of all letters that are laid out from now on. Raises Invalid."""
    checked = profile(told)
    merchant_id = merchant_of(session)
    sealed = seal(secrets.get_key(session, keyring, "data"), json.dumps(asdict(checked)).encode(), _context(session))
    values = {"body_sealed": sealed, "changed_by": author, "changed_at": now}
    row = insert(SenderProfile).values(merchant_id=merchant_id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["merchant_id"], set_=values))
    return checked


def find(session: Session, keyring: Keyring) -> Profile | None:
    """The sender, or None while nobody told one."""
    row = session.get(SenderProfile, merchant_of(session), populate_existing=True)
    if row is None:
        return None
    body = unseal(secrets.get_key(session, keyring, "data"), row.body_sealed, _context(session))
    return Profile(**{name: value for name, value in json.loads(body).items() if name in FIELDS})


def get(session: Session, keyring: Keyring) -> Profile:
    """Raises SenderMissing."""
    found = find(session, keyring)
    if found is None:
        raise SenderMissing
    return found


def _context(session: Session) -> str:
    return f"sender_profile.body:{merchant_of(session)}"
