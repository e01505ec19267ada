"""A call to a bureau over real HTTP and TLS: who we say we are, where we do not go, and how long we wait."""

import base64
import hmac
import json
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from urllib3.exceptions import HTTPError

from gateway.core.egress import Guard, SafePool
from gateway.risk.bureau import Answer, Configured, Inquiry, Person, Place, Proof
from gateway.risk.bureau_call import Caller
from gateway.risk.bureau_json import adapter

SCORED = Answer("scored", 700)


class Recorder(BaseHTTPRequestHandler):
    """A bureau that answers rightly and remembers what it was sent."""

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((dict(self.headers), raw))
        body = json.dumps({"score": 700, "name": json.loads(raw)["name"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet."""


@contextmanager
def recorder(context=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.seen, server.daemon_threads = [], True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def ask(port, auth, secret=b"", *, allow_private=True):
    body = {
        "url": f"http://127.0.0.1:{port}/",
        "auth": auth,
        "headers": {"X-Version": "2"},
        "request": {"/name": "last_name", "/street": "line1", "/zip": "postcode"},
        "response": {
            "score": {"at": "/score", "low": 0, "high": 1000, "direction": "higher_is_better"},
            "identity": {"/name": "last_name"},
        },
    }
    person = Person(last_name="Neumann", line1="Musterweg 11", postcode="20099")
    inquiry = Inquiry("brq_1", person, Proof("notice", "v1", datetime.now(UTC)), 1, "EUR")
    configured = Configured("b", 1, "json", body, secret, Place(allow_private=allow_private))
    return adapter.ask(configured, inquiry, 5.0)


@pytest.mark.parametrize(
    ("auth", "secret", "header", "value"),
    [
        ({"kind": "none"}, b"", "X-Version", "2"),
        ({"kind": "bearer"}, b"tok", "Authorization", "Bearer tok"),
        ({"kind": "basic", "user": "u"}, b"p", "Authorization", "Basic " + base64.b64encode(b"u:p").decode()),
        ({"kind": "header", "header": "X-Api-Key"}, b"k", "X-Api-Key", "k"),
    ],
)
def test_the_bureau_is_told_who_asks(auth, secret, header, value):
    """By token, password or key, as its contract says."""
    with recorder() as server:
        assert ask(server.server_address[1], auth, secret) == SCORED
        assert server.seen[0][0][header] == value


def test_a_signed_request_can_be_checked_by_the_bureau():
    """HMAC-SHA-256 over time, dot and body; the key id beside it."""
    auth = {"kind": "hmac", "header": "X-Sig", "key_id": "k1", "key_id_header": "X-Key"}
    with recorder() as server:
        assert ask(server.server_address[1], auth, b"secret") == SCORED
        headers, raw = server.seen[0]
    mac = hmac.digest(b"secret", headers["X-Timestamp"].encode() + b"." + raw, "sha256").hex()
    assert (headers["X-Sig"], headers["X-Key"]) == (mac, "k1")


def test_a_private_address_is_not_called_unless_the_operator_allows_it():
    """The rule of every outgoing call; it is an error like any other, and nothing was sent."""
    with recorder() as server:
        assert ask(server.server_address[1], {"kind": "none"}, allow_private=False).outcome == "error"
        assert not server.seen


def test_nobody_listening_is_an_error():
    """A refused connection, at once."""
    with recorder() as server:
        port = server.server_address[1]
    assert ask(port, {"kind": "none"}).outcome == "error"


def a_certificate(name, issuer=None):
    """A key and a certificate for 127.0.0.1, signed by itself or by the issuer."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by_key, by_name = issuer or (key, subject)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(by_key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (key, subject), made.public_bytes(Encoding.PEM), private


def test_a_client_certificate_opens_a_door_that_is_closed_without_it(tmp_path):
    """Mutual TLS with the certificate that was sealed as the bureau's secret."""
    issuer, root, _ = a_certificate("root")
    _, served, served_key = a_certificate("bureau", issuer)
    _, ours, our_key = a_certificate("kulanz", issuer)
    (tmp_path / "root.pem").write_bytes(root)
    (tmp_path / "served.pem").write_bytes(served + served_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "served.pem")
    context.load_verify_locations(tmp_path / "root.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    guard, ca = Guard(allow_private=True), str(tmp_path / "root.pem")
    with recorder(context) as server:
        url = f"https://127.0.0.1:{server.server_address[1]}/"
        limits = {"max_answer_bytes": 1000, "timeout_s": 5.0}
        pool = SafePool(guard, ca_file=ca, identity=ours + our_key)
        assert pool.exchange(url, {}, b'{"name": "x"}', **limits).status == 200
        pool.clear()
        with pytest.raises((HTTPError, OSError)):
            SafePool(guard, ca_file=ca).exchange(url, {}, b'{"name": "x"}', **limits)


def test_who_waits_is_never_kept_past_the_deadline():
    """An adapter that ignores its time: the outcome is a time-out long before it is done."""
    done = threading.Event()

    def slow(_):
        done.wait(20)
        return SCORED

    began = time.monotonic()
    assert Caller().call(slow, 0.2).outcome == "timeout"
    assert time.monotonic() - began < 5  # generous: the machine may be busy
    done.set()


def test_whatever_an_adapter_raises_is_an_error():
    """Third parties write adapters too; a bug of theirs is one more reason to have no score."""

    def broken(_):
        raise ZeroDivisionError

    assert Caller().call(broken, 5) == Answer("error", detail="ZeroDivisionError")


def test_calls_that_hang_do_not_pile_up():
    """With every place taken the next one is an error at once, and a place that is freed is used again."""
    caller, done = Caller(at_once=1), threading.Event()

    def slow(_):
        done.wait(20)
        return SCORED

    assert caller.call(slow, 0.05).outcome == "timeout"
    assert caller.call(lambda _: SCORED, 5).detail == "too many calls under way"
    done.set()
    for _ in range(100):
        answer = caller.call(lambda _: SCORED, 5)
        if answer == SCORED:
            break
        time.sleep(0.05)
    assert answer == SCORED
