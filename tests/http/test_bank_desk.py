"""The bank's pages at the desk: a file uploaded by hand, statements, gaps, payments."""

import io

from gateway.merchants.models import Role
from tests.desk_visits import signed_in

HEAD = '<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr>'


def a_statement(day, opening, closing, name="<b>Erika</b>"):
    def balance(kind, amount):
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>"
            f"<Dt><Dt>2026-03-{day:02}</Dt></Dt></Bal>"
        )

    return (
        f"{HEAD}<Stmt><Id>{day}</Id><ElctrncSeqNb>{day}</ElctrncSeqNb><Acct><Id><IBAN>DE02300606010002474689</IBAN></Id></Acct>"
        f"{balance('OPBD', opening)}{balance('CLBD', closing)}"
        f'<Ntry><Amt Ccy="EUR">20.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-03-{day:02}</Dt></BookgDt>'
        f"<AcctSvcrRef>B{day}</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Dbtr><Nm>{name.replace('<', '&lt;')}</Nm></Dbtr></RltdPties>"
        f"</TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"
    ).encode()


def upload(visitor, content, mode="live"):
    form = {"file": (io.BytesIO(content), "x.xml"), "mode": mode, "csrf_token": visitor.proof("/admin/bank")}
    return visitor.client.post(
        "/admin/bank/upload", data=form, content_type="multipart/form-data", follow_redirects=True
    )


def test_a_file_is_uploaded_and_shown(app, services):
    """Statement, payment, and nothing of a payer's name is taken for markup."""
    _, visitor = signed_in(app, services)
    page = upload(visitor, a_statement(2, "100.00", "120.00"))
    assert page.status_code == 200
    assert "1 von 1 Zahlungen" in page.text
    assert "DE02300606010002474689" in page.text
    entries = visitor.get("/admin/bank/entries").text
    assert "&lt;b&gt;Erika" in entries
    assert "20,00" in entries
    assert "schon da" in upload(visitor, a_statement(2, "100.00", "120.00")).text


def test_a_gap_is_told_on_the_page(app, services):
    """10.00 are missing between Monday and Wednesday."""
    _, visitor = signed_in(app, services)
    upload(visitor, a_statement(2, "100.00", "120.00"))
    page = upload(visitor, a_statement(4, "130.00", "150.00"))
    assert "10,00" in page.text
    assert "fehlt etwas" in page.text


def test_a_file_that_cannot_be_read_is_told_beside_the_field(app, services):
    """And nothing was taken."""
    _, visitor = signed_in(app, services)
    for content in (b"", b"nothing", b"<!DOCTYPE a><a/>"):
        page = upload(visitor, content)
        assert page.status_code == 422, content
    assert "Noch kein Auszug" in visitor.get("/admin/bank").text


def test_test_books_are_apart(app, services):
    """What goes there is not seen among live payments."""
    _, visitor = signed_in(app, services)
    assert "DE02300606010002474689" in upload(visitor, a_statement(2, "1.00", "21.00"), mode="test").text
    assert "Noch kein Auszug" in visitor.get("/admin/bank").text


def test_a_reader_sees_and_does_not_upload(app, services):
    """The role of the table."""
    _, visitor = signed_in(app, services, role=Role.READER)
    assert visitor.get("/admin/bank").status_code == 200
    assert "upload" not in visitor.get("/admin/bank").text
    form = {"csrf_token": visitor.proof("/admin/bank")}
    assert visitor.client.post("/admin/bank/upload", data=form).status_code == 403
