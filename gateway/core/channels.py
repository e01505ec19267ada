"""The ways out of the house: signed HTTP, e-mail, and the notice on the desk. Each try has a named outcome.

Nothing here touches the outbox or retries; `core/outbox` does both.
"""

import base64
import ipaddress
import json
import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import urllib3
from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.core.db import Base, Tenant, merchant_of
from gateway.core.egress import EXCHANGE_S, WATCHDOG, AddressRefused, SafePool, UrlRefused
from gateway.core.ids import new_id
from gateway.core.signing import SigningKey, active_keys, sign
from gateway.core.work import driver

SMTP_S = 15.0
MAX_ANSWER_BYTES = 65_536
"""Of a receiver's answer; we read it only so that the connection can be used again."""
MAX_RETRY_AFTER_S = 6 * 3600
_TEMPORARY = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side has it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The other side did not take it. `down`: it is probably out of order for everything we have for it."""

    code: str
    retry: bool = True
    down: bool = False
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """We will not even try, and trying again would change nothing."""

    code: str


Outcome = Delivered | Failed | Refused


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where signed messages go. All keys in force sign, so that keys can be changed without a gap."""

    url: str
    keys: Sequence[SigningKey]
    headers: Mapping[str, str] = field(default_factory=dict)


def post_signed(pool: SafePool, endpoint: Endpoint, message_id: str, body: bytes, now: datetime) -> Outcome:
    """Send JSON as a Standard Webhook; `message_id` is the same on every repetition."""
    if not active_keys(endpoint.keys, now):
        return Refused("no-signing-key")
    signed = sign(endpoint.keys, message_id, body, now)
    headers = {**endpoint.headers, "content-type": "application/json", "user-agent": "Kulanz", **signed}
    try:
        with WATCHDOG.limit(EXCHANGE_S):
            return _outcome(*pool.post(endpoint.url, headers, body, MAX_ANSWER_BYTES))
    except (AddressRefused, UrlRefused) as refused:
        return Refused(str(refused.facts["reason"]))
    except ValueError:  # a header or host that cannot be sent
        return Refused("malformed")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return Failed(next((code for kind, code in _FAILURES if isinstance(error, kind)), "connection"), down=True)


_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (urllib3.exceptions.NewConnectionError, "connection"),  # urllib3 counts it among the time-outs
    (urllib3.exceptions.TimeoutError, "timeout"),
    (TimeoutError, "timeout"),
    (urllib3.exceptions.SSLError, "tls"),
)


def _outcome(status: int, retry_after: str) -> Outcome:
    """2xx is taken; 410 means that the endpoint is gone for good; redirects are not followed; the rest may pass."""
    if 200 <= status < 300:
        return Delivered()
    if status == 410:
        return Failed("http-410", retry=False)
    after_s = float(min(int(retry_after), MAX_RETRY_AFTER_S)) if re.fullmatch(r"[0-9]{1,9}", retry_after) else None
    return Failed(f"http-{status}", down=status >= 500 or status in _TEMPORARY, after_s=after_s)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of an e-mail."""

    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail to one person. It is sent from the operator's address under the name of `sender_name`."""

    to: str
    subject: str
    body: str
    html: str = ""
    sender_name: str = ""
    reply_to: str = ""
    attachments: tuple[Attachment, ...] = ()

    def encode(self) -> bytes:
        """For the outbox."""
        files = [[a.name, a.mime_type, base64.b64encode(a.content).decode()] for a in self.attachments]
        texts = {"to": self.to, "subject": self.subject, "body": self.body, "html": self.html}
        texts |= {"sender_name": self.sender_name, "reply_to": self.reply_to}
        return json.dumps({**texts, "attachments": files}).encode()

    @classmethod
    def decode(cls, payload: bytes) -> "Mail":
        values = json.loads(payload)
        files = tuple(Attachment(name, mime, base64.b64decode(data)) for name, mime, data in values.pop("attachments"))
        return cls(**values, attachments=files)


@dataclass(frozen=True, slots=True)
class MailServer:
    """From `smtp://` (plain), `starttls://` (TLS demanded on the way) or `smtps://` (TLS from the first byte)."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> "MailServer":
        """Raises ValueError for anything else."""
        parts = urlsplit(url)
        default = {"smtp": 25, "starttls": 587, "smtps": 465}.get(parts.scheme)
        if default is None or not parts.hostname:
            raise ValueError("a mail URL is smtp://, starttls:// or smtps:// with a host")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.scheme, parts.hostname, parts.port or default, user, password)

    @property
    def tells_password(self) -> bool:
        """Whether the password would cross a network in the clear."""
        return self.scheme == "smtp" and bool(self.password) and not _is_loopback(self.host)

    def connect(self) -> smtplib.SMTP:
        """Raises OSError or SMTPException."""
        if self.scheme == "smtps":
            context = ssl.create_default_context()
            client: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=SMTP_S, context=context)
        else:
            client = smtplib.SMTP(self.host, self.port, timeout=SMTP_S)
        try:
            if self.scheme == "starttls":
                client.starttls(context=ssl.create_default_context())
            if self.user:
                client.login(self.user, self.password)
        except BaseException:
            client.close()
            raise
        return client


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def compose(mail: Mail, sender: str, message_id: str, now: datetime) -> EmailMessage:
    """The message as it is sent. Raises ValueError when an address is none or a header would hold a line break."""
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = Address(mail.sender_name, addr_spec=sender)
        message["To"] = Address(addr_spec=mail.to)
        if mail.reply_to:
            message["Reply-To"] = Address(addr_spec=mail.reply_to)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.body)
        if mail.html:
            message.add_alternative(mail.html, subtype="html")
        for file in mail.attachments:
            main, _, sub = file.mime_type.partition("/")
            message.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)
    except (MessageError, IndexError, UnicodeError, AttributeError) as error:
        raise ValueError("not a valid e-mail") from error
    return message


def send_mail(mail_url: str, sender: str, mail: Mail, message_id: str, now: datetime) -> Outcome:
    """Hand one e-mail to the operator's server. Its Message-ID is the same on every repetition."""
    if not mail_url:
        return Refused("mail-not-configured")
    try:
        message = compose(mail, sender, message_id, now)
    except ValueError:
        return Refused("malformed-mail")
    try:
        server = MailServer.parse(mail_url)
    except ValueError:
        return Refused("mail-not-configured")
    if server.tells_password:
        return Refused("mail-password-in-clear")
    try:
        _hand_over(server, message)
    except (smtplib.SMTPException, OSError) as error:
        return _mail_failure(error)
    return Delivered()


def _hand_over(server: MailServer, message: EmailMessage) -> None:
    """Raises OSError or SMTPException while the server has not taken it."""
    client = server.connect()
    try:
        client.send_message(message)
    finally:
        _leave(client)


def _leave(client: smtplib.SMTP) -> None:
    """Whatever the server says to our goodbye: what it has taken, it has taken."""
    with suppress(smtplib.SMTPException, OSError):
        client.quit()
    client.close()


def _mail_failure(error: Exception) -> Failed:
    """A 5xx answer about this recipient or content is final; trouble with the server itself is not."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max((answer[0] for answer in error.recipients.values()), default=450)
        return Failed(f"smtp-{code}", retry=code < 500)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Failed("smtp-login", down=True)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Failed("smtp-unsupported", retry=False)
    if isinstance(error, smtplib.SMTPDataError):
        return Failed(f"smtp-{error.smtp_code}", retry=error.smtp_code < 500)
    if isinstance(error, smtplib.SMTPResponseException):
        return Failed(f"smtp-{error.smtp_code}", down=True)
    return Failed("smtp-connection", down=True)


class Notice(Tenant, Base):
    """Something the merchant's admins should look at. Facts hold ids, codes and counts, no personal data."""

    __tablename__ = "notice"
    __table_args__ = (
        Index(
            "uq_notice_unread", "merchant_id", "code", "subject", unique=True, postgresql_where=text("read_at IS NULL")
        ),
        Index("ix_notice_desk", "merchant_id", "created_at"),
    )

    code: Mapped[str]
    subject: Mapped[str]
    """What it is about (an id); an unread notice about the same is counted up, not repeated."""
    facts: Mapped[dict[str, Any]]
    times: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]
    last_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


def post_notice(session: Session, code: str, subject: str, facts: Mapping[str, Any], now: datetime) -> None:
    """Put a notice on the desk, in the caller's transaction; it needs no outbox."""
    values = (merchant_of(session), new_id(), code, subject, json.dumps(facts), now, now)
    driver(session).exec_driver_sql(_POST_NOTICE, values)


_POST_NOTICE = """
    INSERT INTO notice (merchant_id, id, code, subject, facts, created_at, last_at)
    VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s)
    ON CONFLICT (merchant_id, code, subject) WHERE read_at IS NULL
    DO UPDATE SET times = notice.times + 1, facts = excluded.facts, last_at = excluded.last_at
"""


def read_notice(session: Session, notice_id: UUID, now: datetime) -> bool:
    """Take a notice off the desk; False when it was read or never there."""
    values = (now, merchant_of(session), notice_id)
    return driver(session).exec_driver_sql(_READ_NOTICE, values).rowcount == 1


_READ_NOTICE = "UPDATE notice SET read_at = %s WHERE merchant_id = %s AND id = %s AND read_at IS NULL"
