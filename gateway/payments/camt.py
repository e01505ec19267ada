"""Reading camt.052, camt.053, camt.054 and pain.002 of ISO 20022, any version: by local names, entry by entry (pure).

Document types and entities are refused. Bytes come in, since the file names its own encoding.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

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
from gateway.payments.camt_xml import MESSAGES, Node, Reader, at, nodes, text_at

_STATEMENTS = frozenset({"Stmt", "Rpt", "Ntfctn"})
_ANSWERS = frozenset({"OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts"})
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
_RETURN_SUBFAMILIES = frozenset({"UPDD", "PRDD", "RRTN", "RPCR"})
_REASON_IN_TEXT = re.compile(r"R(?:ue|ü)ckgabegrund:?\s*([A-Z]{2}\d{2})\b")
_BUSINESS_CODE = re.compile(r"(?:^|\+)(\d{3})(?:\+|$)")


def read(content: bytes) -> list[Statement]:
    """Every statement of a camt file with its entries under stable keys. Raises BankFileUnreadable."""
    statements: list[Statement] = []
    entries: list[BankEntry] = []

    def take(name: str, node: Node, above: Node) -> None:
        if name == "Ntry":
            entries.extend(_entries(node, _account(above)))
            if len(entries) > MAX_ENTRIES:
                raise BankFileUnreadable(f"a statement holds at most {MAX_ENTRIES} entries")
        else:
            statements.append(_statement(node, reader.format, tuple(entries)))
            entries.clear()

    reader = Reader("camt", {"Ntry": _STATEMENTS, **dict.fromkeys(_STATEMENTS, frozenset(MESSAGES))}, take)
    reader.read(content)
    return statements


def read_status(content: bytes) -> list[PaymentStatus]:
    """What a pain.002 says of every payment it names. Raises BankFileUnreadable.

    A batch or file that is judged as a whole is one status without an end-to-end id.
    """
    found: list[PaymentStatus] = []
    group: Node = {}

    def take(name: str, node: Node, _: Node) -> None:
        if name == "OrgnlGrpInfAndSts":
            group.update(node)
        else:
            told = nodes(node, "TxInfAndSts") or ([node] if text_at(node, "PmtInfSts") else [])
            found.extend(_payment_status(each, node, group) for each in told)

    Reader("pain.002", dict.fromkeys(_ANSWERS, frozenset(MESSAGES)), take).read(content)
    if not found and text_at(group, "GrpSts"):
        found.append(_payment_status(group, group, group))
    return found


def _statement(node: Node, format_: str, entries: tuple[BankEntry, ...]) -> Statement:
    balances = [_balance(each) for each in nodes(node, "Bal")]
    own, sequence = text_at(node, "Acct/Ccy"), text_at(node, "ElctrncSeqNb")
    return with_keys(
        Statement(
            format=format_,
            account=_account(node),
            reference=reference(text_at(node, "Id")),
            sequence=int(sequence) if sequence.isdecimal() and len(sequence) < 18 else None,
            currency=own or (entries[0].currency if entries else ""),
            opening=_first(balances, _OPENING),
            closing=_first(balances[::-1], _CLOSING),
            from_on=_day(text_at(node, "FrToDt/FrDtTm")),
            to_on=_day(text_at(node, "FrToDt/ToDtTm")),
            entries=entries,
        )
    )


def _account(node: Node) -> str:
    return text_at(node, "Acct/Id/IBAN", "Acct/Id/Othr/Id").replace(" ", "")


def _balance(node: Node) -> tuple[str, Balance]:
    amount, currency = _amount(node)
    sign = -1 if text_at(node, "CdtDbtInd") == "DBIT" else 1
    return text_at(node, "Tp/CdOrPrtry/Cd"), Balance(sign * amount, currency, _day(text_at(node, "Dt/Dt", "Dt/DtTm")))


def _first(balances: Sequence[tuple[str, Balance]], kinds: Sequence[str]) -> Balance | None:
    return next((balance for wanted in kinds for kind, balance in balances if kind == wanted), None)


def _entries(node: Node, account: str) -> list[BankEntry]:
    whole = _booking(node)
    details = [one for one in nodes(node, "NtryDtls/TxDtls") if type(one) is dict]
    if not details:
        text = text_at(node, "AddtlNtryInf")
        return [BankEntry(**whole, amount_minor=whole["booked_minor"], purpose=text)]
    whole |= {"batch_minor": whole["booked_minor"], "parts": len(details)}
    return [_transaction(each, whole, account) for each in details]


def _booking(node: Node) -> dict[str, Any]:
    """What the entry says for all its transactions."""
    amount, currency = _amount(node)
    booked = _day(text_at(node, "BookgDt/Dt", "BookgDt/DtTm"))
    valued = _day(text_at(node, "ValDt/Dt", "ValDt/DtTm"))
    if booked is None and valued is None:
        raise BankFileUnreadable("an entry has neither a booking nor a value date")
    code, own = _codes(node)
    return {
        "credit": text_at(node, "CdtDbtInd") == "CRDT",
        "booked_minor": amount,
        "currency": currency,
        "booked_on": booked or valued,
        "value_on": valued,
        "status": text_at(node, "Sts/Cd", "Sts") or "BOOK",
        "reversal": text_at(node, "RvslInd") in ("true", "1"),
        "bank_reference": reference(text_at(node, "AcctSvcrRef")),
        "code": code,
        "business_code": own,
    }


def _transaction(node: Node, entry: dict[str, Any], account: str) -> BankEntry:
    credit = (text_at(node, "CdtDbtInd") or ("CRDT" if entry["credit"] else "DBIT")) == "CRDT"
    code, own = _codes(node)
    code = code or entry["code"]
    back = at(node, "RtrInf")
    back = back[0] if type(back) is list else back
    back = back if type(back) is dict else None
    returned = back is not None or code[10:] in _RETURN_SUBFAMILIES
    purpose = "\n".join(each.strip() for each in nodes(node, "RmtInf/Ustrd") if type(each) is str)[:MAX_TEXT]
    return BankEntry(
        **{
            **entry,
            **_amounts(node, entry, credit=credit),
            "credit": credit,
            "code": code,
            "business_code": own or entry["business_code"],
            "bank_reference": entry["bank_reference"] or reference(text_at(node, "Refs/AcctSvcrRef")),
        },
        party=_party(node, account, swapped=not credit if back is None else credit),
        purpose=purpose or text_at(node, "AddtlTxInf"),
        creditor_reference=reference(text_at(node, "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/CdtrRefInf/CdtrRef")),
        end_to_end_id=reference(text_at(node, "Refs/EndToEndId")),
        mandate_id=reference(text_at(node, "Refs/MndtId")),
        transaction_id=reference(text_at(node, "Refs/TxId", "Refs/InstrId")),
        returned=returned,
        return_code=_return_code(back, purpose) if returned else "",
        return_text="" if back is None else text_at(back, "AddtlInf"),
    )


def _return_code(back: Node | None, purpose: str) -> str:
    told = "" if back is None else text_at(back, "Rsn/Cd", "Rsn/Prtry")
    if told:
        return told[:4].upper()
    written = _REASON_IN_TEXT.search(purpose)
    return written[1] if written else ""


def _amounts(node: Node, entry: dict[str, Any], *, credit: bool) -> dict[str, int]:
    """The payment, what was booked for it, and the charges between the two.

    What a return costs is booked with it, so the payment is the instructed amount, or what is left without the
    charges. A batch tells each transaction's own amount.
    """
    currency = entry["currency"]
    own = _amount_at(node, currency, "Amt", "AmtDtls/TxAmt/Amt")
    booked = own if own is not None else (entry["booked_minor"] if entry["parts"] == 1 else None)
    instructed = _amount_at(node, currency, "AmtDtls/InstdAmt/Amt")
    if booked is None and instructed is None:
        raise BankFileUnreadable("a transaction of a batch has no amount in the account's currency")
    charges = _charges(node, currency)
    if booked is None:
        booked = instructed or 0
    between = abs(booked - instructed) if instructed is not None else -1
    if instructed is not None and (between == charges or not charges):
        payment = instructed
    else:  # what was taken off a payment that came in is only sure when the bank tells what was sent
        payment = booked if credit else booked - charges
    if payment <= 0:
        payment = booked
    return {"booked_minor": booked, "amount_minor": payment, "charges_minor": abs(booked - payment)}


def _charges(node: Node, currency: str) -> int:
    """What is contained in the amount, over both forms: beside each other (.02), as records (.04 and later)."""
    records = [*nodes(node, "Chrgs"), *nodes(node, "Chrgs/Rcrd")]
    contained = (each for each in records if text_at(each, "ChrgInclInd") not in ("false", "0"))
    told = (_amount_at(each, currency, "Amt") for each in contained)
    return sum(amount for amount in told if amount is not None)


def _amount(node: Node) -> tuple[int, str]:
    found = at(node, "Amt")
    if type(found) is not tuple or not found[0]:
        raise BankFileUnreadable("an entry or a balance has no amount")
    currency = found[1] or "EUR"
    return minor(found[0], currency), currency


def _amount_at(node: Node, currency: str, *paths: str) -> int | None:
    """The first of these amounts that is in this currency."""
    for path in paths:
        found = at(node, path)
        if type(found) is tuple and found[0] and (found[1] or currency) == currency:
            return minor(found[0], currency)
    return None


def _codes(node: Node) -> tuple[str, str]:
    """Domain code as one word, and the bank's own business code."""
    found = _first_node(node, "BkTxCd")
    parts = [text_at(found, path) for path in ("Domn/Cd", "Domn/Fmly/Cd", "Domn/Fmly/SubFmlyCd")]
    own = text_at(found, "Prtry/Cd")
    german = _BUSINESS_CODE.search(own)
    return "-".join(parts) if any(parts) else "", german[1] if german else own


def _party(node: Node, account: str, *, swapped: bool) -> Party:
    """Whoever is not the account's owner: the debtor of money that came in, unless the accounts say otherwise."""
    parties = _first_node(node, "RltdPties")
    debtor, creditor = (_side(parties, side) for side in ("Dbtr", "Cdtr"))
    if account and debtor.iban == account != creditor.iban:
        return creditor
    if account and creditor.iban == account != debtor.iban:
        return debtor
    return creditor if swapped else debtor


def _side(parties: Node, side: str) -> Party:
    name = text_at(parties, f"{side}/Nm", f"{side}/Pty/Nm", f"{side}/Agt/FinInstnId/Nm")
    iban = text_at(parties, f"{side}Acct/Id/IBAN", f"{side}Acct/Id/Othr/Id")
    ultimate = text_at(parties, f"Ultmt{side}/Nm", f"Ultmt{side}/Pty/Nm")
    return Party(name, iban.replace(" ", ""), ultimate)


def _day(text: str) -> date | None:
    """The date of a date or time, as the bank's own clock shows it."""
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise BankFileUnreadable("a date is none") from None


def _payment_status(node: Node, batch: Node, group: Node) -> PaymentStatus:
    why, amount = _first_node(node, "StsRsnInf"), at(node, "OrgnlTxRef/Amt/InstdAmt")
    told = amount if type(amount) is tuple else ("", "")
    return PaymentStatus(
        end_to_end_id=reference(text_at(node, "OrgnlEndToEndId")),
        status=text_at(node, "TxSts") or text_at(batch, "PmtInfSts", "GrpSts"),
        reason_code=text_at(why, "Rsn/Cd", "Rsn/Prtry"),
        reason_text=text_at(why, "AddtlInf"),
        original_message_id=text_at(group, "OrgnlMsgId"),
        payment_info_id=text_at(batch, "OrgnlPmtInfId"),
        mandate_id=reference(text_at(node, "OrgnlTxRef/MndtRltdInf/MndtId")),
        amount_minor=minor(told[0], told[1] or "EUR") if told[0] else None,
        currency=told[1] or "",
    )


def _first_node(node: Node, path: str) -> Node:
    found = nodes(node, path)
    return found[0] if found and type(found[0]) is dict else {}
