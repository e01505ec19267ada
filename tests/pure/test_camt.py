"""camt.053, camt.054 and pain.002: what they say is read exactly, and what they may not hold is refused."""

import pytest

from gateway.payments import bank_files, camt
from gateway.payments.bank_entries import BankFileUnreadable, gaps
from tests.conftest import SHARED

FIXTURES = SHARED / "fixtures/bank"
HEAD = "<GrpHdr><MsgId>M</MsgId></GrpHdr>"
ACCOUNT = "<Acct><Id><IBAN>DE02300606010002474689</IBAN></Id><Ccy>EUR</Ccy></Acct>"


def fixture(name):
    path = FIXTURES / name
    if not path.is_file():
        pytest.skip(f"../shared/fixtures/bank/{name} is not here")
    return path.read_bytes()


def a_statement(entries, *, version="053.001.08", namespace=None, prolog="", message="BkToCstmrStmt", part="Stmt"):
    space = f"urn:iso:std:iso:20022:tech:xsd:camt.{version}" if namespace is None else namespace
    attribute = f' xmlns="{space}"' if space else ""
    text = f'<?xml version="1.0" encoding="UTF-8"?>{prolog}<Document{attribute}><{message}>{HEAD}<{part}><Id>1</Id>'
    return f"{text}{ACCOUNT}{entries}</{part}></{message}></Document>".encode()


def an_entry(details="", *, amount="10.00", sign="CRDT", reference="BANK1"):
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt>'
        f"<Dt>2026-03-02</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef>{details}</Ntry>"
    )


def of(name):
    return [entry for statement in camt.read(fixture(name)) for entry in statement.entries]


def test_a_returned_debit_is_told_without_the_charges_of_both_banks():
    """15.50 left the account: 10.00 came back, 3.00 and 2.50 are what it cost."""
    (entry,) = of("camt053/failed_debit_with_charges_02.xml")
    assert (entry.amount_minor, entry.booked_minor, entry.charges_minor) == (1000, 1550, 550)
    assert (entry.credit, entry.returned, entry.return_code) == (False, True, "MD06")
    assert (entry.end_to_end_id, entry.mandate_id) == ("MANDATE123-05.01.2022", "MANDATE123")
    assert (entry.party.name, entry.party.iban) == ("Max Mustermann", "DE80733900000100121738")
    assert (entry.code, entry.business_code) == ("PMNT-IDDT-UPDD", "109")


def test_a_batch_is_told_payment_by_payment():
    """66.00 in one entry are 11.00, 22.00 and 33.00 of three people; and returns beside it keep their reasons."""
    entries = of("camt053/mixed_examples_08.xml")
    assert [entry.amount_minor for entry in entries] == [500, 2167, 1100, 2200, 3300, 1100, 2200, 600]
    batch = entries[2:5]
    assert {(entry.batch_minor, entry.parts) for entry in batch} == {(6600, 3)}
    assert [entry.party.name for entry in batch] == ["David Rockefeller", "Mayer Amschel Rothschild", "Herman Cain"]
    assert len({entry.group for entry in batch}) == 1
    assert [entry.return_code for entry in entries[5:]] == ["AC04", "", "AM04"]
    assert (entries[5].booked_minor, entries[5].charges_minor) == (1350, 250)
    assert entries[6].reversal
    assert entries[0].end_to_end_id == ""  # NOTPROVIDED
    assert entries[5].purpose.endswith("\nDibbel dabbel zweite Zeile")


def test_money_that_went_out_names_who_got_it():
    """The other side is never the account's owner."""
    entries = of("camt053/outgoing_collection_02.xml")
    assert [(entry.credit, entry.amount_minor, entry.party.name) for entry in entries] == [
        (False, 2000, "Donald Duck"),
        (False, 2000, "Sir Isaac Newton"),
    ]


@pytest.mark.parametrize("name", ["053", "054"])
def test_the_same_return_is_read_alike_from_statement_and_notification(name):
    """AC06 of Ireland, in both messages."""
    (entry,) = of(f"oca-returns/test-sepa-camt-{name}-unpaid.xml")
    assert (entry.amount_minor, entry.return_code, entry.end_to_end_id) == (10000, "AC06", "E2EID1")
    assert (entry.mandate_id, entry.party.name, entry.return_text) == ("MANDATEID2", "DEBTOR4", "/RTYP/RTRN")


def test_a_namespace_nobody_knows_is_refused():
    """The file says it is something else."""
    with pytest.raises(BankFileUnreadable):
        camt.read(fixture("oca-returns/test-sepa-camt-unpaid-invalid.xml"))
    with pytest.raises(BankFileUnreadable):
        camt.read_status(fixture("oca-returns/test-sepa-pain-unpaid-invalid.xml"))


@pytest.mark.parametrize("name", ["test-sepa-pain-unpaid.xml", "test-sepa-unpaid.xml"])
def test_refused_debits_are_told_with_their_reasons(name):
    """Four refusals in two batches."""
    found = camt.read_status(fixture(f"oca-returns/{name}"))
    assert [(each.end_to_end_id, each.status, each.reason_code, each.amount_minor) for each in found] == [
        ("E2EID1", "RJCT", "AC01", 10000),
        ("E2EID2", "RJCT", "MS02", 10000),
        ("E2EID3", "RJCT", "MD06", 10000),
        ("E2EID4", "RJCT", "AM04", 10000),
    ]
    assert [each.payment_info_id for each in found] == ["PMTINFID1", "PMTINFID1", "PMTINFID2", "PMTINFID2"]
    assert found[0].original_message_id == "MSGID12345678912"


def test_a_cycle_of_direct_debits_is_read_from_order_to_return():
    """Accepted, refused before settlement, paid, returned three times."""
    accepted = camt.read_status(fixture("mock-bank-output/001-pain.002.001.10.xml"))
    assert {each.status for each in accepted} == {"ACCP"}
    assert len(accepted) == 5
    (refused,) = camt.read_status(fixture("mock-bank-output/002-pain.002.001.10.xml"))
    assert (refused.end_to_end_id, refused.reason_code) == ("RE-2026-0003", "AC01")
    back = of("mock-bank-output/016-camt.053.001.08.xml")
    assert [(each.end_to_end_id, each.amount_minor, each.return_code) for each in back] == [
        ("RE-2026-0000", 1999, "MD06"),
        ("RE-2026-0001", 4550, "AM04"),
        ("RE-2026-0002", 999, "MS02"),
    ]


@pytest.mark.parametrize(
    ("notification", "statement"),
    [("003-camt.054.001.08.xml", "007-camt.053.001.08.xml"), ("011-camt.054.001.08.xml", "016-camt.053.001.08.xml")],
)
def test_a_payment_has_the_same_key_in_notification_and_statement(notification, statement):
    """So the second file changes nothing."""
    told = {entry.key for entry in of(f"mock-bank-output/{notification}")}
    assert told
    assert told <= {entry.key for entry in of(f"mock-bank-output/{statement}")}


def test_two_statements_that_follow_each_other_have_no_gap():
    """Closing balance and number lead to the next; without the first of two later ones something is missing."""
    first, second = (
        camt.read(fixture(f"mock-bank-output/{name}"))[0]
        for name in ("007-camt.053.001.08.xml", "016-camt.053.001.08.xml")
    )
    assert gaps([second, first, second]) == []
    assert (first.opening.amount_minor, first.closing.amount_minor, first.sequence) == (12500000, 12514548, 2)


@pytest.mark.parametrize(
    "prolog",
    [
        "<!DOCTYPE Document>",
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
    ],
)
def test_a_document_type_is_refused_before_anything_is_read(prolog):
    """No bank sends one; entities would blow up memory or read files."""
    with pytest.raises(BankFileUnreadable) as refusal:
        camt.read(a_statement(an_entry(), prolog=prolog))
    assert "no document type" in refusal.value.detail


@pytest.mark.parametrize("content", [b"", b"<", b"<a/>", b"\x00\x01", b"<Document><Stmt/></Document>", b"<a>&b;</a>"])
def test_what_is_no_bank_message_is_refused(content):
    """With one error that says so, never another one."""
    with pytest.raises(BankFileUnreadable):
        camt.read(content)


def test_depth_is_limited():
    """Nested nodes cost a stack elsewhere."""
    with pytest.raises(BankFileUnreadable):
        camt.read(a_statement(an_entry("<a>" * 100 + "x" + "</a>" * 100)))


@pytest.mark.parametrize("version", [f"{number:02}" for number in range(2, 14)])
def test_every_version_from_02_to_13_is_read(version):
    """Elements moved (`Sts`, `Nm` below `Pty`, `Chrgs/Rcrd`); the reader knows both places."""
    (statement,) = camt.read(a_statement(an_entry(), version=f"053.001.{version}"))
    assert statement.entries[0].amount_minor == 1000


@pytest.mark.parametrize("version", ["01", "14", "99"])
def test_a_version_nobody_has_seen_is_refused(version):
    """Better no statement than one read wrongly."""
    with pytest.raises(BankFileUnreadable):
        camt.read(a_statement(an_entry(), version=f"053.001.{version}"))


def test_a_file_without_namespace_is_read():
    """As a central bank publishes its example."""
    (statement,) = camt.read(a_statement(an_entry(), namespace=""))
    assert statement.format == "camt.053"


def test_bytes_are_read_in_the_encoding_the_file_names():
    """Umlauts in ISO-8859-1."""
    details = "<NtryDtls><TxDtls><RmtInf><Ustrd>Müller</Ustrd></RmtInf></TxDtls></NtryDtls>"
    text = a_statement(an_entry(details)).decode().replace("UTF-8", "ISO-8859-1")
    (statement,) = camt.read(text.encode("iso-8859-1"))
    assert statement.entries[0].purpose == "Müller"


def test_structured_references_and_ultimate_parties_are_read():
    """A creditor reference in its own field; a tax adviser who pays for somebody."""
    details = (
        "<NtryDtls><TxDtls><RltdPties><Dbtr><Pty><Nm>Kanzlei</Nm></Pty></Dbtr><UltmtDbtr><Pty><Nm>Erika Muster</Nm></Pty>"
        "</UltmtDbtr></RltdPties><RmtInf><Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf>"
        "</TxDtls></NtryDtls>"
    )
    (entry,) = camt.read(a_statement(an_entry(details)))[0].entries
    assert entry.creditor_reference == "RF18539007547034"
    assert (entry.party.name, entry.party.ultimate) == ("Kanzlei", "Erika Muster")


def test_charges_taken_off_an_incoming_payment_are_told_apart():
    """100.00 were sent, a bank kept 2.50: the debtor paid 100.00."""
    details = (
        '<NtryDtls><TxDtls><AmtDtls><InstdAmt><Amt Ccy="EUR">100.00</Amt></InstdAmt></AmtDtls>'
        '<Chrgs><Rcrd><Amt Ccy="EUR">2.50</Amt></Rcrd></Chrgs></TxDtls></NtryDtls>'
    )
    (entry,) = camt.read(a_statement(an_entry(details, amount="97.50")))[0].entries
    assert (entry.amount_minor, entry.booked_minor, entry.charges_minor) == (10000, 9750, 250)


@pytest.mark.parametrize(("inclusive", "amount_minor"), [("true", 1000), ("false", 1250)])
def test_charges_booked_elsewhere_are_not_taken_off(inclusive, amount_minor):
    """The bank says whether its charge is in the amount."""
    charge = f'<Rcrd><Amt Ccy="EUR">2.50</Amt><ChrgInclInd>{inclusive}</ChrgInclInd></Rcrd>'
    details = f"<NtryDtls><TxDtls><Chrgs>{charge}</Chrgs><RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf></TxDtls></NtryDtls>"
    (entry,) = camt.read(a_statement(an_entry(details, amount="12.50", sign="DBIT")))[0].entries
    assert (entry.amount_minor, entry.booked_minor) == (amount_minor, 1250)


@pytest.mark.parametrize("amount", ["1.234", "abc", "", "1e9999", "-", "NaN", "Infinity"])
def test_an_amount_that_is_none_is_refused(amount):
    """Also parts of a cent."""
    with pytest.raises(BankFileUnreadable):
        camt.read(a_statement(an_entry(amount=amount)))


def test_two_payments_alike_in_everything_are_two():
    """Same day, amount and text, no reference: counted, and counted the same when the file comes again."""
    twice = a_statement(an_entry(reference="NONREF") * 2)
    keys = [[entry.key for entry in camt.read(twice)[0].entries] for _ in range(2)]
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 2


def test_a_batch_refused_as_a_whole_is_one_status():
    """The bank names no payment then."""
    content = (
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt><GrpHdr><MsgId>M</MsgId></GrpHdr>'
        b"<OrgnlGrpInfAndSts><OrgnlMsgId>ORDER</OrgnlMsgId><GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>AM05</Cd></Rsn></StsRsnInf>"
        b"</OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>"
    )
    (found,) = camt.read_status(content)
    assert (found.status, found.reason_code, found.original_message_id) == ("RJCT", "AM05", "ORDER")


def test_every_message_of_the_cycle_is_told_from_its_content():
    """What is no statement and no answer (pacs.004, our own order) is refused by name."""
    folder = FIXTURES / "mock-bank-output"
    if not folder.is_dir():
        pytest.skip("../shared/fixtures/bank/mock-bank-output is not here")
    for path in sorted(folder.glob("*.xml")):
        kind = next((one for one in ("camt.053", "camt.054", "pain.002") if one in path.name), None)
        if kind:
            assert bank_files.read(path.read_bytes()).format == kind
        else:
            with pytest.raises(BankFileUnreadable):
                bank_files.read(path.read_bytes())
