"""The ways out: signed HTTP that cannot be led astray, e-mail that cannot be bent, notices on the desk."""

import http.server
import json
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default as modern

import pytest
import standardwebhooks
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from gateway.core import channels, clock, egress
from gateway.core.channels import (
    Attachment,
    Delivered,
    Endpoint,
    Failed,
    Mail,
    MailServer,
    Refused,
    compose,
    post_notice,
    post_signed,
    read_notice,
    send_mail,
)
from gateway.core.egress import AddressRefused, Guard, SafePool, UrlRefused, check_url, is_public
from gateway.core.signing import SigningKey, secret_text

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = SigningKey("k1", b"s" * 32, datetime(2026, 1, 1, tzinfo=UTC))
MAIL = Mail("erika@example.org", "Zahlungserinnerung", "Guten Tag, …", sender_name="Blumen Böhm")


class Receiver(http.server.ThreadingHTTPServer):
    """Writes down what it is sent and answers what the test wants."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address=("127.0.0.1", 0)):
        self.requests, self.status, self.headers, self.delay_s, self.answer = [], 200, {}, 0.0, b"ok"
        super().__init__(address, _Handler)

    def handle_error(self, request, client_address):
        """Callers that hang up are part of these tests."""

    @property
    def url(self):
        return f"http://{self.server_address[0]}:{self.server_address[1]}/hook"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((dict(self.headers.items()), body))
        time.sleep(self.server.delay_s)
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_):
        pass


@contextmanager
def receiving(address=("127.0.0.1", 0)):
    with Receiver(address) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def receiver():
    with receiving() as server:
        yield server


@pytest.fixture
def inside():
    """Connections that may go to private addresses, as an operator of a closed network allows them."""
    pool = SafePool(Guard(allow_private=True))
    yield pool
    pool.clear()


def post(pool, url, body=b"{}", message_id="msg_1"):
    now = clock.now()
    return post_signed(pool, Endpoint(url, [SigningKey("k", KEY.secret, now)]), message_id, body, now)


def test_a_receiver_verifies_our_message_with_the_public_library(receiver, inside):
    """Id, time and signature stand in the headers of the Standard Webhooks specification."""
    assert post(inside, receiver.url, b'{"amount_minor": 12990}', "msg_7") == Delivered()
    ((headers, body),) = receiver.requests
    assert standardwebhooks.Webhook(secret_text(KEY.secret)).verify(body, headers) == {"amount_minor": 12990}
    assert {name.lower(): value for name, value in headers.items()}["webhook-id"] == "msg_7"


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (204, {}, Delivered()),
        (302, {"location": "http://127.0.0.1:1/"}, Failed("http-302")),
        (400, {}, Failed("http-400")),
        (410, {}, Failed("http-410", retry=False)),
        (429, {"retry-after": "120"}, Failed("http-429", down=True, after_s=120.0)),
        (429, {"retry-after": "999999999"}, Failed("http-429", down=True, after_s=21600.0)),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, Failed("http-503", down=True)),
    ],
)
def test_each_answer_has_a_named_outcome(receiver, inside, status, headers, outcome):
    """Redirects are not followed, 410 is final, what may pass is tried again."""
    receiver.status, receiver.headers, receiver.answer = status, headers, b""
    assert post(inside, receiver.url) == outcome
    assert len(receiver.requests) == 1


def test_nobody_there_and_no_such_name_are_failures_that_may_pass(inside):
    """A closed port and a name that does not resolve."""
    assert post(inside, f"http://127.0.0.1:{free_port()}/") == Failed("connection", down=True)
    unknown = SafePool(Guard(allow_private=True, resolve=_unresolvable))
    assert post(unknown, "https://shop.invalid/") == Failed("connection", down=True)


def _unresolvable(_host, _port):
    raise socket.gaierror(socket.EAI_NONAME, "unknown")


def test_a_silent_receiver_times_out(receiver, inside, monkeypatch):
    """The read time-out ends it."""
    monkeypatch.setattr(egress, "READ_S", 0.2)
    receiver.delay_s = 0.5
    assert post(inside, receiver.url) == Failed("timeout", down=True)


def test_a_receiver_that_drips_is_cut_off(inside, monkeypatch):
    """One byte now and then resets every socket's time-out; the exchange as a whole has a limit."""
    monkeypatch.setattr(channels, "EXCHANGE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_drip, args=(listener,), daemon=True).start()
        started = time.monotonic()
        outcome = post(inside, f"http://127.0.0.1:{listener.getsockname()[1]}/")
    assert outcome == Failed("connection", down=True)
    assert time.monotonic() - started < 3


def _drip(listener):
    connection, _ = listener.accept()
    with connection:
        for _ in range(100):
            try:
                connection.sendall(b"H")
            except OSError:
                return
            time.sleep(0.1)


def test_a_huge_answer_is_not_read(receiver, inside):
    """The status counts; the rest costs the connection, not our memory."""
    receiver.answer = b"x" * 5_000_000
    assert post(inside, receiver.url) == Delivered()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://shop.example/hook", "scheme"),
        ("ftp://shop.example/hook", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("https://user:secret@shop.example/", "credentials"),
        ("https://", "malformed"),
        ("https://shop.example:99999/", "malformed"),
        ("https://shop.example:0/", "malformed"),
        ("https://shop.example/a b", "malformed"),
        ("https://shop.example/\r\nHost: other", "malformed"),
        ("https://shop.example\\@127.0.0.1/", "malformed"),
        ("https://[::1/", "malformed"),
        ("https://shop.example/" + "a" * 2000, "malformed"),
    ],
)
def test_a_url_that_is_no_plain_https_url_is_refused(url, reason):
    """Before anything is resolved or connected."""
    with pytest.raises(UrlRefused) as refused:
        check_url(url)
    assert refused.value.facts == {"reason": reason}
    assert post(SafePool(Guard(allow_private=False)), url) == Refused(reason)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.178.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:53aa:64c::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "::7f00:1",
        "::10.0.0.1",
        "::ffff:0:127.0.0.1",
        "5f00::1",
        "3fff::1",
    ],
)
def test_private_and_metadata_addresses_are_not_public(address):
    """Whatever form they come in."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111"])
def test_addresses_of_the_open_internet_are_public(address):
    """They are what webhooks are for."""
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::1]", "0x7f.1"])
def test_a_url_into_our_own_network_is_refused(host):
    """Written as a name, a number or an address."""
    assert post(SafePool(Guard(allow_private=False)), f"https://{host}/") == Refused("private-address")


def test_a_name_with_one_private_address_among_public_ones_is_refused():
    """We do not leave it to luck which one is called."""
    guard = Guard(
        allow_private=False, resolve=lambda _host, port: [_info("93.184.216.34", port), _info("10.0.0.1", port)]
    )
    with pytest.raises(AddressRefused):
        guard.addresses("shop.example", 443)


def test_a_name_server_that_changes_its_answer_gains_nothing():
    """The address that was checked is the one that is called: the second answer is never asked for."""
    answers = iter(["127.0.0.2", "127.0.0.1"])
    with receiving(("127.0.0.2", 0)) as checked, receiving(("127.0.0.1", checked.server_address[1])) as other:
        pool = SafePool(Guard(allow_private=True, resolve=lambda _host, port: [_info(next(answers), port)]))
        assert post(pool, f"http://rebinding.example:{checked.server_address[1]}/") == Delivered()
        pool.clear()
    assert (len(checked.requests), len(other.requests)) == (1, 0)


def _info(address, port):
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)


@pytest.fixture
def certificate(tmp_path):
    """A certificate for shop.example that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = clock.now()
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    path = tmp_path / "shop.pem"
    path.write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(path)


def test_tls_verifies_the_name_although_the_address_was_chosen_by_us(receiver, certificate):
    """A certificate for shop.example does not open other.example at the same address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    here = Guard(allow_private=True, resolve=lambda _host, port: [_info("127.0.0.1", port)])
    port = receiver.server_address[1]
    pool = SafePool(here, ca_file=certificate)
    assert post(pool, f"https://shop.example:{port}/") == Delivered()
    assert post(pool, f"https://shop.example:{port}/") == Delivered()
    assert post(pool, f"https://other.example:{port}/") == Failed("tls", down=True)
    assert post(SafePool(here), f"https://shop.example:{port}/") == Failed("tls", down=True)
    assert len(receiver.requests) == 2
    pool.clear()


class Mailbox:
    """A real SMTP server that keeps what it is sent, or refuses it."""

    def __init__(self):
        self.messages, self.refuse, self.goodbye = [], "", "221 Bye"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_QUIT(self, _server, _session, _envelope):  # noqa: N802 - as above
        return self.goodbye

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - as above
        self.messages.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=modern)))
        return "250 OK"


@pytest.fixture
def mailbox():
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    box.url = f"smtp://127.0.0.1:{controller.port}"
    yield box
    controller.stop()


def test_an_e_mail_that_was_taken_counts_as_delivered_whatever_the_server_says_to_our_goodbye(mailbox):
    """Sent again it would arrive twice."""
    mailbox.goodbye = "421 busy"
    assert send_mail(mailbox.url, "post@kulanz.example", MAIL, "msg_9", NOW) == Delivered()
    assert len(mailbox.messages) == 1


def test_an_e_mail_arrives_under_the_merchants_name(mailbox):
    """Subject, text, attachment and a Message-ID by which a repetition is recognised."""
    mail = Mail(**{**_fields(MAIL), "html": "<p>Guten Tag</p>", "reply_to": "service@boehm.example"})
    mail = Mail(**{**_fields(mail), "attachments": (Attachment("Rechnung 7.pdf", "application/pdf", b"%PDF-"),)})
    for _ in range(2):
        assert send_mail(mailbox.url, "post@kulanz.example", Mail.decode(mail.encode()), "msg_9", NOW) == Delivered()
    (recipients, message), (_, again) = mailbox.messages
    assert recipients == ["erika@example.org"]
    assert message["message-id"] == again["message-id"] == "<msg_9@kulanz.example>"
    assert message["from"].addresses[0].display_name == "Blumen Böhm"
    assert message["reply-to"] == "service@boehm.example"
    assert message.get_body(("plain",)).get_content().strip() == "Guten Tag, …"
    assert next(message.iter_attachments()).get_filename() == "Rechnung 7.pdf"


def _fields(mail):
    return {name: getattr(mail, name) for name in mail.__slots__}


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "Hallo\r\nBcc: other@example.org"},
        {"to": "a@example.org, b@example.org"},
        {"to": "a@example.org\nBcc: b@example.org"},
        {"to": "nobody"},
        {"to": ""},
        {"sender_name": "x\r\nBcc: other@example.org"},
        {"reply_to": "x\ny@example.org"},
        {"attachments": (Attachment("x\r\nBcc: o@example.org", "text/plain", b""),)},
        {"attachments": (Attachment("x", "text/plain\r\nBcc: o@example.org", b""),)},
    ],
)
def test_nobody_can_add_headers_or_recipients_to_an_e_mail(mailbox, change):
    """Line breaks and second addresses are refused, not cleaned: somebody tried something."""
    mail = Mail(**{**_fields(MAIL), **change})
    assert send_mail(mailbox.url, "post@kulanz.example", mail, "msg_9", NOW) == Refused("malformed-mail")
    assert mailbox.messages == []


def test_a_refused_recipient_is_final_only_when_the_server_says_so(mailbox):
    """550 will never work; 450 is greylisting."""
    mailbox.refuse = "550 no such user"
    assert send_mail(mailbox.url, "post@kulanz.example", MAIL, "msg_9", NOW) == Failed("smtp-550", retry=False)
    mailbox.refuse = "450 try later"
    assert send_mail(mailbox.url, "post@kulanz.example", MAIL, "msg_9", NOW) == Failed("smtp-450")


def test_without_a_mail_server_nothing_is_tried():
    """An unset or unreadable setting parks the message with that reason; a dead server may come back."""
    assert send_mail("", "post@kulanz.example", MAIL, "m", NOW) == Refused("mail-not-configured")
    assert send_mail("http://mail", "post@kulanz.example", MAIL, "m", NOW) == Refused("mail-not-configured")
    assert send_mail("smtp://127.0.0.1:1", "p@k.example", MAIL, "m", NOW) == Failed("smtp-connection", down=True)


def test_tls_that_was_demanded_is_not_done_without(mailbox):
    """A server that cannot do STARTTLS never sees the password or the letter."""
    url = mailbox.url.replace("smtp://", "starttls://user:secret@")
    assert isinstance(send_mail(url, "post@kulanz.example", MAIL, "m", NOW), Failed)
    assert mailbox.messages == []
    assert "secret" not in repr(MailServer.parse(url))


def test_an_international_text_survives():
    """Umlauts in subject and body, encoded as the standards want."""
    message = message_from_bytes(bytes(compose(MAIL, "post@kulanz.example", "m", NOW)), policy=modern)
    assert (message["subject"], message["date"].datetime) == ("Zahlungserinnerung", NOW)


def notices(db, merchant_id):
    with db.connection(merchant_id) as connection:
        return connection.execute(text("SELECT * FROM notice ORDER BY created_at")).mappings().all()


def test_a_notice_is_counted_up_until_somebody_reads_it(db, merchant_id):
    """A thousand failures of one endpoint are one line on the desk."""
    for minute in range(3):
        with db.transaction(merchant_id) as session:
            post_notice(session, "outbox-parked", "http:end_1", {"error": "http-500"}, NOW + timedelta(minutes=minute))
    (notice,) = notices(db, merchant_id)
    assert (notice["times"], notice["last_at"] - notice["created_at"]) == (3, timedelta(minutes=2))
    with db.transaction(merchant_id) as session:
        assert read_notice(session, notice["id"], NOW)
        assert not read_notice(session, notice["id"], NOW)
        post_notice(session, "outbox-parked", "http:end_1", {}, NOW + timedelta(hours=1))
    assert [one["times"] for one in notices(db, merchant_id)] == [3, 1]
    assert json.dumps(notice["facts"]) == '{"error": "http-500"}'


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("smtp://user:secret@mail.example", True),
        ("smtp://user:secret@192.0.2.1:587", True),
        ("smtp://user:secret@127.0.0.1:2525", False),
        ("smtp://user:secret@[::1]", False),
        ("smtp://user:secret@localhost", False),
        ("smtp://mail.example", False),
        ("starttls://user:secret@mail.example", False),
        ("smtps://user:secret@mail.example", False),
    ],
)
def test_a_password_never_crosses_a_network_in_the_clear(url, refused):
    """`smtp://` is plain: with a password it goes to this machine only."""
    assert MailServer.parse(url).tells_password is refused
    if refused:
        assert send_mail(url, "p@k.example", MAIL, "m", NOW) == Refused("mail-password-in-clear")
