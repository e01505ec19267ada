"""Reading camt.052, camt.053, camt.054 and pain.002 of ISO 20022, any version: by local names, entry by entry (pure).

Document types and entities are refused. Bytes come in, since the file names its own encoding.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from io import BytesIO
from typing import Any

from lxml import etree

from gateway.payments.bank_entries import (
    MAX_ENTRIES,
    MAX_TEXT,
    Balance,
    BankEntry,
    BankFileUnreadable,
    Party,
    PaymentStatus,
    Statement,
    minor,
    reference,
    with_keys,
)

Element = Any
"""lxml's own type has no name that both mypy and the run time know."""
_MESSAGES = {
    "BkToCstmrAcctRpt": "camt.052",
    "BkToCstmrStmt": "camt.053",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
    "CstmrPmtStsRpt": "pain.002",
}
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(camt\.05[234]|pain\.002)\.001\.(\d\d)(\.\w+)?")
_VERSIONS = range(2, 14)
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
_RETURN_SUBFAMILIES = frozenset({"UPDD", "PRDD", "RRTN", "RPCR"})
_REASON_IN_TEXT = re.compile(r"R(?:ue|ü)ckgabegrund:?\s*([A-Z]{2}\d{2})\b")
_BUSINESS_CODE = re.compile(r"(?:^|\+)(\d{3})(?:\+|$)")


def read(content: bytes) -> list[Statement]:
    """Every statement of a camt file with its entries under stable keys. Raises BankFileUnreadable."""
    statements: list[Statement] = []
    for element, names in _elements(content, ("Ntry", "Stmt", "Rpt", "Ntfctn"), "camt"):
        name = _local(element)
        if name == "Ntry":
            _replace_by_entries(element, names)
        else:
            statements.append(_statement(element, names))
            element.clear()
    return statements


def read_status(content: bytes) -> list[PaymentStatus]:
    """What a pain.002 says of every payment it names. Raises BankFileUnreadable.

    A batch or file that is judged as a whole is one status without an end-to-end id.
    """
    found: list[PaymentStatus] = []
    message, group, paths = "", None, _Names("")
    for element, names in _elements(content, ("OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts"), "pain.002"):
        if _local(element) == "OrgnlGrpInfAndSts":
            message, group = names.text(element, "OrgnlMsgId"), element
        else:
            told = names.list(element, "TxInfAndSts") or ([element] if names.text(element, "PmtInfSts") else [])
            found += [_payment_status(each, element, names, message) for each in told]
            element.clear()
        paths = names
    if not found and group is not None and paths.text(group, "GrpSts"):
        found.append(_payment_status(group, group, paths, message))
    return found


class _Names:
    """Paths inside one document, whose elements all are in one namespace or in none."""

    def __init__(self, namespace: str) -> None:
        self._space = f"{{{namespace}}}" if namespace else ""
        self.path = cache(self._path)
        self.entries: list[BankEntry] = []
        self.format = ""

    def _path(self, path: str) -> str:
        return "/".join(self._space + part for part in path.split("/"))

    def text(self, element: Element, *paths: str) -> str:
        """The first of these that holds something."""
        for path in paths:
            found = element.findtext(self.path(path))
            if found and (stripped := found.strip()):
                return str(stripped)[:MAX_TEXT]
        return ""

    def find(self, element: Element, path: str) -> Element | None:
        return element.find(self.path(path))

    def list(self, element: Element, path: str) -> Sequence[Element]:
        return element.findall(self.path(path))  # type: ignore[no-any-return]


def _elements(content: bytes, wanted: Sequence[str], kind: str) -> Iterator[tuple[Element, _Names]]:
    """These elements as they end. What is above them has been checked by then."""
    parser = etree.iterparse(
        BytesIO(content),
        events=("start", "end"),
        tag=["{*}Document", "{*}GrpHdr", *(f"{{*}}{name}" for name in wanted)],
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
    )
    names: _Names | None = None
    try:
        for event, element in parser:
            if names is None:
                _check_prolog(element)
                names = _Names("")
            if event == "start" and _local(element) == "GrpHdr":
                names = _names(element, kind)
            elif event == "end" and _local(element) in wanted:
                yield element, names
    except etree.XMLSyntaxError as error:
        raise BankFileUnreadable("the file is no well-formed XML") from error
    if names is None or not names.format:
        raise BankFileUnreadable("the file is no ISO 20022 message")


def _check_prolog(element: Element) -> None:
    info = element.getroottree().docinfo
    if info.doctype or info.internalDTD is not None:
        raise BankFileUnreadable("a bank file declares no document type and no entities")


def _names(header: Element, kind: str) -> _Names:
    """The paths of this document. Raises BankFileUnreadable for another message or a version nobody has read yet."""
    message = header.getparent()
    names = _Names(etree.QName(message).namespace or "")
    names.format = _MESSAGES.get(_local(message), "")
    if not names.format.startswith(kind):
        raise BankFileUnreadable(f"the message is not {kind}")
    told = etree.QName(message).namespace
    if told is None:  # a bank in the field declares its namespace for a prefix that nothing bears
        return names
    version = _NAMESPACE.fullmatch(told)
    if version is None or version[1] != names.format or int(version[2]) not in _VERSIONS:
        raise BankFileUnreadable("the namespace is not that of a known version of the message")
    return names


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _statement(element: Element, names: _Names) -> Statement:
    entries, names.entries = tuple(names.entries), []
    balances = [_balance(each, names) for each in names.list(element, "Bal")]
    account = names.text(element, "Acct/Id/IBAN", "Acct/Id/Othr/Id").replace(" ", "")
    own = names.text(element, "Acct/Ccy")
    sequence = names.text(element, "ElctrncSeqNb")
    return with_keys(
        Statement(
            format=names.format,
            account=account,
            reference=reference(names.text(element, "Id")),
            sequence=int(sequence) if sequence.isdecimal() and len(sequence) < 18 else None,
            currency=own or (entries[0].currency if entries else ""),
            opening=_first(balances, _OPENING),
            closing=_first(balances[::-1], _CLOSING),
            from_on=_day(names.text(element, "FrToDt/FrDtTm")),
            to_on=_day(names.text(element, "FrToDt/ToDtTm")),
            entries=entries,
        )
    )


def _balance(element: Element, names: _Names) -> tuple[str, Balance]:
    amount, currency = _amount(element, names)
    sign = -1 if names.text(element, "CdtDbtInd") == "DBIT" else 1
    on = _day(names.text(element, "Dt/Dt", "Dt/DtTm"))
    return names.text(element, "Tp/CdOrPrtry/Cd"), Balance(sign * amount, currency, on)


def _first(balances: Sequence[tuple[str, Balance]], kinds: Sequence[str]) -> Balance | None:
    return next((balance for wanted in kinds for kind, balance in balances if kind == wanted), None)


def _replace_by_entries(element: Element, names: _Names) -> None:
    """Keep what the entry says and give its memory back; it stays in the tree as an empty element."""
    statement = element.getparent()
    account = names.text(statement, "Acct/Id/IBAN", "Acct/Id/Othr/Id").replace(" ", "")
    names.entries += _entries(element, names, account)
    if len(names.entries) > MAX_ENTRIES:
        raise BankFileUnreadable(f"a statement holds at most {MAX_ENTRIES} entries")
    element.clear()
    while element.getprevious() is not None and _local(element.getprevious()) == "Ntry":
        del statement[statement.index(element) - 1]


def _entries(element: Element, names: _Names, account: str) -> list[BankEntry]:
    whole = _booking(element, names)
    details = names.list(element, "NtryDtls/TxDtls")
    if not details:
        text = names.text(element, "AddtlNtryInf")
        return [BankEntry(**whole, amount_minor=whole["booked_minor"], purpose=text)]
    batch = {"batch_minor": whole["booked_minor"], "parts": len(details)}
    return [_transaction(each, names, {**whole, **batch}, account) for each in details]


def _booking(element: Element, names: _Names) -> dict[str, Any]:
    """What the entry says for all its transactions."""
    amount, currency = _amount(element, names)
    booked = _day(names.text(element, "BookgDt/Dt", "BookgDt/DtTm"))
    valued = _day(names.text(element, "ValDt/Dt", "ValDt/DtTm"))
    if booked is None and valued is None:
        raise BankFileUnreadable("an entry has neither a booking nor a value date")
    code, own = _codes(element, names)
    return {
        "credit": names.text(element, "CdtDbtInd") == "CRDT",
        "booked_minor": amount,
        "currency": currency,
        "booked_on": booked or valued,
        "value_on": valued,
        "status": names.text(element, "Sts/Cd", "Sts") or "BOOK",
        "reversal": names.text(element, "RvslInd") in ("true", "1"),
        "bank_reference": reference(names.text(element, "AcctSvcrRef")),
        "code": code,
        "business_code": own,
    }


def _transaction(element: Element, names: _Names, entry: dict[str, Any], account: str) -> BankEntry:
    credit = (names.text(element, "CdtDbtInd") or ("CRDT" if entry["credit"] else "DBIT")) == "CRDT"
    code, own = _codes(element, names)
    code = code or entry["code"]
    back = names.find(element, "RtrInf")
    returned = back is not None or code[10:] in _RETURN_SUBFAMILIES
    purpose = "\n".join(each.text.strip() for each in names.list(element, "RmtInf/Ustrd") if each.text)[:MAX_TEXT]
    return BankEntry(
        **{
            **entry,
            **_amounts(element, names, entry, credit=credit),
            "credit": credit,
            "code": code,
            "business_code": own or entry["business_code"],
            "bank_reference": entry["bank_reference"] or reference(names.text(element, "Refs/AcctSvcrRef")),
        },
        party=_party(element, names, account, swapped=not credit if back is None else credit),
        purpose=purpose or names.text(element, "AddtlTxInf"),
        creditor_reference=reference(
            names.text(element, "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/CdtrRefInf/CdtrRef")
        ),
        end_to_end_id=reference(names.text(element, "Refs/EndToEndId")),
        mandate_id=reference(names.text(element, "Refs/MndtId")),
        transaction_id=reference(names.text(element, "Refs/TxId", "Refs/InstrId")),
        returned=returned,
        return_code=_return_code(back, names, purpose) if returned else "",
        return_text="" if back is None else names.text(back, "AddtlInf"),
    )


def _return_code(back: Element | None, names: _Names, purpose: str) -> str:
    told = "" if back is None else names.text(back, "Rsn/Cd", "Rsn/Prtry")
    if told:
        return told[:4].upper()
    written = _REASON_IN_TEXT.search(purpose)
    return written[1] if written else ""


def _amounts(element: Element, names: _Names, entry: dict[str, Any], *, credit: bool) -> dict[str, int]:
    """The payment, what was booked for it, and the charges between the two.

    What a return costs is booked with it, so the payment is the instructed amount, or what is left without the
    charges. A batch tells each transaction's own amount.
    """
    currency = entry["currency"]
    own = _amount_at(element, names, currency, "Amt", "AmtDtls/TxAmt/Amt")
    booked = own if own is not None else (entry["booked_minor"] if entry["parts"] == 1 else None)
    instructed = _amount_at(element, names, currency, "AmtDtls/InstdAmt/Amt")
    if booked is None and instructed is None:
        raise BankFileUnreadable("a transaction of a batch has no amount in the account's currency")
    charges = _charges(element, names, currency)
    if booked is None:
        booked = instructed or 0
    between = abs(booked - instructed) if instructed is not None else -1
    if instructed is not None and (between == charges or not charges):
        payment = instructed
    else:
        payment = booked + charges if credit else booked - charges
    if payment <= 0:
        payment = booked
    return {"booked_minor": booked, "amount_minor": payment, "charges_minor": abs(booked - payment)}


def _charges(element: Element, names: _Names, currency: str) -> int:
    """Sum over both forms: amounts beside each other (.02), records (.04 and later)."""
    records = [*names.list(element, "Chrgs"), *names.list(element, "Chrgs/Rcrd")]
    told = (_amount_at(each, names, currency, "Amt") for each in records)
    return sum(amount for amount in told if amount is not None)


def _amount(element: Element, names: _Names) -> tuple[int, str]:
    found = names.find(element, "Amt")
    if found is None or not found.text:
        raise BankFileUnreadable("an entry or a balance has no amount")
    currency = str(found.get("Ccy") or "EUR")
    return minor(found.text, currency), currency


def _amount_at(element: Element, names: _Names, currency: str, *paths: str) -> int | None:
    """The first of these amounts that is in this currency."""
    for path in paths:
        found = names.find(element, path)
        if found is not None and found.text and found.get("Ccy", currency) == currency:
            return minor(found.text, currency)
    return None


def _codes(element: Element, names: _Names) -> tuple[str, str]:
    """Domain code as one word, and the bank's own business code."""
    found = names.find(element, "BkTxCd")
    if found is None:
        return "", ""
    parts = [names.text(found, path) for path in ("Domn/Cd", "Domn/Fmly/Cd", "Domn/Fmly/SubFmlyCd")]
    own = names.text(found, "Prtry/Cd")
    german = _BUSINESS_CODE.search(own)
    return "-".join(parts) if any(parts) else "", german[1] if german else own


def _party(element: Element, names: _Names, account: str, *, swapped: bool) -> Party:
    """Whoever is not the account's owner: the debtor of money that came in, unless the accounts say otherwise."""
    parties = names.find(element, "RltdPties")
    if parties is None:
        return Party()
    debtor, creditor = (_side(parties, names, side) for side in ("Dbtr", "Cdtr"))
    if account and debtor.iban == account != creditor.iban:
        return creditor
    if account and creditor.iban == account != debtor.iban:
        return debtor
    return creditor if swapped else debtor


def _side(parties: Element, names: _Names, side: str) -> Party:
    name = names.text(parties, f"{side}/Nm", f"{side}/Pty/Nm", f"{side}/Agt/FinInstnId/Nm")
    iban = names.text(parties, f"{side}Acct/Id/IBAN", f"{side}Acct/Id/Othr/Id")
    ultimate = names.text(parties, f"Ultmt{side}/Nm", f"Ultmt{side}/Pty/Nm")
    return Party(name, iban.replace(" ", ""), ultimate)


def _day(text: str) -> date | None:
    """The date of a date or time, as the bank's own clock shows it."""
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise BankFileUnreadable("a date is none") from None


def _payment_status(element: Element, batch: Element, names: _Names, message: str) -> PaymentStatus:
    why = names.find(element, "StsRsnInf")
    amount = names.find(element, "OrgnlTxRef/Amt/InstdAmt")
    currency = "" if amount is None else str(amount.get("Ccy", ""))
    return PaymentStatus(
        end_to_end_id=reference(names.text(element, "OrgnlEndToEndId")),
        status=names.text(element, "TxSts") or names.text(batch, "PmtInfSts", "GrpSts"),
        reason_code="" if why is None else names.text(why, "Rsn/Cd", "Rsn/Prtry"),
        reason_text="" if why is None else names.text(why, "AddtlInf"),
        original_message_id=message,
        payment_info_id=names.text(batch, "OrgnlPmtInfId"),
        mandate_id=reference(names.text(element, "OrgnlTxRef/MndtRltdInf/MndtId")),
        amount_minor=None if amount is None else minor(amount.text or "", currency),
        currency=currency,
    )
