"""PayPal: who really signed, from whose certificate, and that nothing counts that was not fetched."""

import base64
import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.core.inbox import Proof
from gateway.core.signing import BadSignature
from gateway.payments import paypal, paypal_proof
from gateway.payments.calls import ProviderAway, ProviderRefused
from gateway.payments.fold import DisputeState, PaymentState, fold
from gateway.payments.providers import Evidence, File, LinkWanted, RefundWanted
from gateway.payments.reading import Unreadable
from tests.provider_messages import NOW, a_message, an_account, check_golden, fixture, fixture_json

NAME = "messageverificationcerts.sandbox.paypal.com"
CERT_URL = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
CERT_PATH = "/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
SETTINGS = {"webhook_id": "4JH86294D6297924G", "client_id": "only_for_tests", "client_secret": "only_for_tests"}
TOKEN = {("POST", "/v1/oauth2/token"): (200, {"access_token": "A21", "expires_in": 32400})}


def a_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def a_certificate(subject, key, *, issuer=None, issuer_key=None, names=(), ca=False, days=(-30, 300)):
    """A certificate as authorities make them, only for tests."""
    named = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])  # noqa: E731
    signer = issuer_key or key
    made = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer or subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if ca:
        usage = dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        made = made.add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), critical=True
        )
    else:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    return made.sign(signer, hashes.SHA256())


def pem(*certificates):
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


@pytest.fixture(scope="module")
def authority():
    """A root and a key that it certified as PayPal's."""
    root_key, key = a_key(), a_key()
    root = a_certificate("A Root", root_key, ca=True)
    leaf = a_certificate(NAME, key, issuer="A Root", issuer_key=root_key, names=[NAME])
    return root, root_key, leaf, key


def an_event(kind="CUSTOMER.DISPUTE.CREATED", resource=None):
    return {"id": "WH-1", "event_type": kind, "resource": resource or {"dispute_id": "PP-1"}}


def signed(key, body, *, at=NOW, webhook_id=SETTINGS["webhook_id"], **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = at.isoformat().replace("+00:00", "Z")
    content = f"tx-1|{stamp}|{webhook_id}|{zlib.crc32(raw)}".encode()
    signature = base64.b64encode(key.sign(content, PKCS1v15(), hashes.SHA256())).decode()
    said = {
        "paypal-transmission-id": "tx-1",
        "paypal-transmission-time": stamp,
        "paypal-transmission-sig": signature,
        "paypal-cert-url": CERT_URL,
        "paypal-auth-algo": "SHA256withRSA",
    }
    return a_message(raw, said | {name.replace("_", "-"): value for name, value in headers.items()})


def an_account_that_trusts(root, chain, answers=()):
    account = an_account(SETTINGS, live=False, answers={("GET", CERT_PATH): (200, chain), **TOKEN, **dict(answers)})
    account.net.roots = pem(root)
    return account


def test_paypals_genuine_delivery_verifies_and_one_flipped_bit_does_not():
    """A delivery that PayPal's sandbox signed in 2015, by the key of the certificate that it names."""
    told = fixture_json("paypal/signed-webhooks/payment.sale.completed.2015.json")
    key = serialization.load_pem_public_key(
        fixture("paypal/signed-webhooks/CERT-360caa42-fca2a594-a5cafa77.pubkey.pem")
    )
    said = told["headers"]
    signature, body = base64.b64decode(said["PAYPAL-TRANSMISSION-SIG"]), told["body"].encode()
    times = said["PAYPAL-TRANSMISSION-ID"], said["PAYPAL-TRANSMISSION-TIME"]
    paypal_proof.check_cert_url(said["PAYPAL-CERT-URL"], live=False)
    genuine = paypal_proof.signed_content(*times, told["webhook_id"], body)
    paypal_proof.check_signature(key, signature, genuine)
    for forged in (
        paypal_proof.signed_content(*times, told["webhook_id"], body.replace(b"20.00", b"90.00", 1)),
        paypal_proof.signed_content(*times, "4JH86294D6297924H", body),
        paypal_proof.signed_content("x", times[1], told["webhook_id"], body),
        paypal_proof.signed_content(*times, told["webhook_id"], bytes([body[0] ^ 1]) + body[1:]),
    ):
        with pytest.raises(BadSignature):
            paypal_proof.check_signature(key, signature, forged)
    with pytest.raises(BadSignature):
        paypal_proof.check_signature(key, bytes([signature[0] ^ 1]) + signature[1:], genuine)


def test_the_genuine_delivery_is_old_by_now():
    """A replay of years ago is refused before any certificate is fetched."""
    told = fixture_json("paypal/signed-webhooks/payment.sale.completed.2015.json")
    account = an_account(SETTINGS, live=False)
    with pytest.raises(BadSignature):
        paypal.verify(account, a_message(told["body"].encode(), told["headers"]))
    assert account.net.asked == []


def test_a_delivery_is_partly_proven_and_stored_once_per_transmission(authority):
    """The certificate is fetched from PayPal and kept."""
    root, _, leaf, key = authority
    account = an_account_that_trusts(root, pem(leaf))
    for _ in range(2):
        claim = paypal.verify(account, signed(key, an_event()))
        assert (claim.proof, claim.event_id) == (Proof.PARTLY, "tx-1")
    assert [call.url for call in account.net.asked] == [CERT_URL]


@pytest.mark.parametrize(
    "url",
    [
        "http://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594",
        "https://api.sandbox.paypal.com.evil.example/v1/notifications/certs/CERT-360caa42-fca2a594",
        "https://evil.example/v1/notifications/certs/CERT-360caa42-fca2a594",
        "https://evil.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594",
        "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594",
        "https://user@api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594",
        "https://api.sandbox.paypal.com:8443/v1/notifications/certs/CERT-360caa42-fca2a594",
        "https://api.sandbox.paypal.com:x/v1/notifications/certs/CERT-360caa42-fca2a594",
        "https://api.sandbox.paypal.com/v1/notifications/certs/../../x",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594?x=1",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594\n",
        "https://api.sandbox.paypal.com\\@evil.example/v1/notifications/certs/CERT-360caa42-fca2a594",
        "https://[api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594",
        "é",
    ],
)
def test_a_certificate_from_anywhere_else_is_not_even_fetched(authority, url):
    """Live addresses in a test shop neither."""
    root, _, leaf, key = authority
    account = an_account_that_trusts(root, pem(leaf))
    with pytest.raises(BadSignature):
        paypal.verify(account, signed(key, an_event(), paypal_cert_url=url))
    assert account.net.asked == []


def test_a_certificate_that_no_root_vouches_for_or_with_another_name_proves_nothing(authority):
    """Nor one that has ended, nor something that is no certificate."""
    root, root_key, _, key = authority
    common = {"issuer": "A Root", "issuer_key": root_key}
    for chain in (
        pem(a_certificate(NAME, key, names=[NAME])),
        pem(a_certificate("evil.example", key, names=["evil.example"], **common)),
        pem(a_certificate(NAME, key, names=["messageverificationcerts.paypal.com"], **common)),
        pem(a_certificate(NAME, key, names=[NAME], days=(-300, -1), **common)),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"",
        b"\xff",
    ):
        with pytest.raises(BadSignature):
            paypal.verify(an_account_that_trusts(root, chain), signed(key, an_event()))


def test_paypal_being_away_is_no_bad_signature(authority):
    """Its delivery comes again; a certificate that does not exist is a forgery."""
    _, _, _, key = authority
    away = an_account(SETTINGS, live=False, answers={("GET", CERT_PATH): (503, b"")})
    with pytest.raises(ProviderAway):
        paypal.verify(away, signed(key, an_event()))
    with pytest.raises(BadSignature):
        paypal.verify(an_account(SETTINGS, live=False), signed(key, an_event()))


@pytest.mark.parametrize(
    "changed",
    [
        {"paypal_transmission_id": ""},
        {"paypal_transmission_id": "tx-2"},
        {"paypal_transmission_id": "é\udcff"},
        {"paypal_transmission_time": "yesterday"},
        {"paypal_transmission_sig": "é"},
        {"paypal_transmission_sig": "AAAA"},
        {"paypal_auth_algo": "SHA1withRSA"},
        {"paypal_cert_url": ""},
    ],
)
def test_headers_that_are_missing_or_odd_are_refused(authority, changed):
    """Whatever stands in them."""
    root, _, leaf, key = authority
    with pytest.raises(BadSignature):
        paypal.verify(an_account_that_trusts(root, pem(leaf)), signed(key, an_event(), **changed))


@pytest.mark.parametrize("at", [NOW + timedelta(minutes=6), NOW - timedelta(days=5)])
def test_a_delivery_of_another_time_is_refused(authority, at):
    """Old ones could be replayed with other bodies."""
    root, _, leaf, key = authority
    with pytest.raises(BadSignature):
        paypal.verify(an_account_that_trusts(root, pem(leaf)), signed(key, an_event(), at=at))


@pytest.mark.parametrize("body", [b"\xff", b"[]", b'{"id": ""}'])
def test_signed_nonsense_is_named(authority, body):
    """Never an error of ours."""
    root, _, leaf, key = authority
    with pytest.raises(Unreadable):
        paypal.verify(an_account_that_trusts(root, pem(leaf)), signed(key, body))


def test_what_the_message_says_counts_nothing_what_is_fetched_does():
    """The checksum binds no body: somebody may have written another amount under a genuine signature."""
    fetched = fixture_json("paypal/webhook-examples/PAYMENT.CAPTURE.COMPLETED.json")["resource"]
    account = an_account(
        SETTINGS,
        live=False,
        answers={**TOKEN, ("GET", f"/v2/payments/captures/{fetched['id']}"): (200, fetched)},
    )
    forged = an_event("PAYMENT.CAPTURE.COMPLETED", fetched | {"amount": {"currency_code": "USD", "value": "9999.00"}})
    facts = paypal.read(account, a_message(forged))
    assert [(fact.kind, fact.amount_minor) for fact in facts] == [("captured", 251)]
    assert account.net.asked[-1].headers["authorization"] == "Bearer A21"
    with pytest.raises(ProviderRefused):
        paypal.read(account, a_message(an_event("PAYMENT.CAPTURE.COMPLETED", {"id": "SOMEBODY-ELSES"})))
    assert len([call for call in account.net.asked if call.url.endswith("/token")]) == 1


@pytest.mark.parametrize(
    "name",
    ["CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.RESOLVED", "PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.REFUNDED"],
)
def test_paypals_examples_become_our_facts(name):
    """Each event with the object that stands behind it."""
    event = fixture_json(f"paypal/webhook-examples/{name}.json")
    of = event["resource"]
    capture = fixture_json("paypal/webhook-examples/PAYMENT.CAPTURE.COMPLETED.json")["resource"]
    refunded = capture | {"id": "0JF852973C016714D", "status": "PARTIALLY_REFUNDED"}
    answers = {
        **TOKEN,
        ("GET", f"/v1/customer/disputes/{of.get('dispute_id')}"): (200, of),
        ("GET", f"/v2/payments/captures/{capture['id']}"): (200, capture),
        ("GET", "/v2/payments/captures/0JF852973C016714D"): (200, refunded),
        ("GET", f"/v2/payments/refunds/{of.get('id')}"): (200, of),
    }
    facts = paypal.read(an_account(SETTINGS, live=False, answers=answers), a_message(event))
    check_golden("paypal", name, facts)


def test_the_genuine_sale_becomes_a_capture():
    """The first version of PayPal's payments."""
    told = fixture_json("paypal/signed-webhooks/payment.sale.completed.2015.json")
    event = json.loads(told["body"])
    sale = event["resource"]
    answers = {**TOKEN, ("GET", f"/v1/payments/sale/{sale['id']}"): (200, sale)}
    facts = paypal.read(an_account(SETTINGS, live=False, answers=answers), a_message(event))
    check_golden("paypal", "payment.sale.completed.2015", facts)


def a_dispute(**overrides):
    return {
        "dispute_id": "PP-1",
        "disputed_transactions": [{"seller_transaction_id": "CAP1"}],
        "reason": "UNAUTHORISED",
        "create_time": "2026-11-01T00:00:00Z",
        "update_time": "2026-11-01T00:00:00Z",
        "dispute_amount": {"currency_code": "EUR", "value": "10.00"},
        "dispute_life_cycle_stage": "CHARGEBACK",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "seller_response_due_date": "2026-11-11T00:00:00Z",
    } | overrides


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("RESOLVED_BUYER_FAVOUR", DisputeState.LOST),
        ("ACCEPTED", DisputeState.LOST),
        ("RESOLVED_SELLER_FAVOUR", DisputeState.WON),
        ("RESOLVED_WITH_PAYOUT", DisputeState.WON),
        ("CANCELED_BY_BUYER", DisputeState.WON),
        ("DENIED", DisputeState.WON),
        ("NONE", DisputeState.OPEN),
    ],
)
def test_who_won_stands_in_the_outcome(outcome, state):
    """In whatever order the looks come; the deadline stays on record."""
    end = a_dispute(
        status="RESOLVED", dispute_outcome={"outcome_code": outcome}, update_time="2026-11-20T00:00:00.123456789Z"
    )
    for documents in ((a_dispute(), end), (end, a_dispute())):
        dispute = fold([fact for each in documents for fact in paypal.dispute_facts(each)]).disputes["PP-1"]
        assert (dispute.state, dispute.due_at) == (state, datetime(2026, 11, 11, tzinfo=UTC))


def test_a_reversal_takes_the_payment_back():
    """A bank took it back, or PayPal did: no SEPA code comes along."""
    capture = {
        "id": "CAP1",
        "status": "REVERSED",
        "amount": {"currency_code": "EUR", "value": "10.00"},
        "create_time": "2026-11-01T00:00:00Z",
        "update_time": "2026-11-05T00:00:00Z",
        "status_details": {"reason": "CHARGEBACK"},
    }
    folded = fold(paypal.capture_facts(capture))
    assert (folded.state, folded.returned_minor) == (PaymentState.RETURNED, 1000)


def an_order(status, reference="clm_1", **unit):
    return {"id": "O1", "status": status, "purchase_units": [{"custom_id": reference, **unit}]}


def test_an_order_approved_on_our_link_is_captured_and_others_are_left_alone():
    """The shop's own orders are the shop's to capture."""
    capture = {
        "id": "CAP1",
        "status": "COMPLETED",
        "custom_id": "clm_1",
        "amount": {"currency_code": "EUR", "value": "10.00"},
        "create_time": "2026-11-01T00:00:00Z",
    }
    answers = {
        **TOKEN,
        ("GET", "/v2/checkout/orders/O1"): (200, an_order("APPROVED")),
        ("POST", "/v2/checkout/orders/O1/capture"): (
            201,
            an_order("COMPLETED", payments={"captures": [{"id": "CAP1"}]}),
        ),
        ("GET", "/v2/payments/captures/CAP1"): (200, capture),
    }
    account = an_account(SETTINGS, live=False, answers=answers)
    approved = a_message(an_event("CHECKOUT.ORDER.APPROVED", {"id": "O1"}))
    assert [(fact.kind, fact.reference) for fact in paypal.read(account, approved)] == [("captured", "clm_1")]
    answers[("GET", "/v2/checkout/orders/O1")] = (200, an_order("APPROVED", "shop-77"))
    other = an_account(SETTINGS, live=False, answers=answers)
    assert paypal.read(other, approved) == []
    assert not [call for call in other.net.asked if call.url.endswith("/capture")]


def test_what_we_ask_of_paypal_carries_our_key_and_reference():
    """Link, refund, evidence while it is wanted, and giving up."""
    links = [{"rel": "provide-evidence", "href": "https://api-m.sandbox.paypal.com/x"}]
    answers = {
        **TOKEN,
        ("POST", "/v2/checkout/orders"): (
            200,
            {"id": "O1", "links": [{"rel": "payer-action", "href": "https://www.sandbox.paypal.com/pay"}]},
        ),
        ("POST", "/v2/payments/captures/CAP1/refund"): (201, {"id": "R1", "status": "COMPLETED"}),
        ("GET", "/v1/customer/disputes/PP-1"): (200, a_dispute(links=links)),
        ("GET", "/v1/customer/disputes/PP-2"): (200, a_dispute()),
        ("POST", "/v1/customer/disputes/PP-1/provide-evidence"): (200, {"links": []}),
        ("POST", "/v1/customer/disputes/PP-1/accept-claim"): (200, {"links": []}),
    }
    account = an_account(SETTINGS, live=False, answers=answers)
    link = paypal.pay_link(account, LinkWanted("k1", "clm_1", 1050, "EUR", "Order", "https://kulanz.test/p"))
    assert link.external_id == "O1"
    assert account.net.asked[-1].json["purchase_units"][0]["amount"] == {"currency_code": "EUR", "value": "10.50"}
    paypal.refund(account, RefundWanted("k2", "CAP1", "CAP1", 1, "EUR"))
    assert account.net.asked[-1].headers["paypal-request-id"] == "k2"
    info = json.dumps({"tracking_info": [{"carrier_name": "DHL", "tracking_number": "1"}]})
    file = File("", "proof.pdf", "application/pdf", b"%PDF")
    proof = Evidence("k3", "PP-1", {"PROOF_OF_FULFILLMENT": info, "OTHER": "notes"}, (file,), submit=True)
    assert paypal.submit_evidence(account, proof).status == "sent"
    sent = json.loads(account.net.asked[-1].files[0][3])
    assert "tracking_info" in sent["evidences"][0]["evidence_info"]
    assert sent["evidences"][1]["notes"] == "notes"
    assert paypal.submit_evidence(account, Evidence("k4", "PP-2", {}, submit=True)).status == "not-offered"
    assert paypal.submit_evidence(account, Evidence("k5", "PP-1", {})).status == "not-sent"
    assert paypal.accept_dispute(account, "PP-1", "k6").status == "accepted"
