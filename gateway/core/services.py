"""What a process has at hand: opened once at start, handed to whoever needs it."""

from dataclasses import dataclass

import redis

from gateway.core.crypto import Keyring
from gateway.core.db import Database


@dataclass(frozen=True, slots=True)
class Services:
    """The long-lived parts of one process."""

    db: Database
    cache: redis.Redis
    keyring: Keyring
    public_url: str
    """Where buyers, shops and browsers reach us, without a slash at the end."""
    session_secret: bytes
    allow_private_urls: bool = False
    """Whether outgoing calls may reach private addresses (operators of closed networks only)."""
    sandbox_url: str = ""
    """Where the invented partners of this machine listen (a loopback address), or empty."""
    mail_url: str = ""
    """As `channels.MailServer` reads it (`starttls://user:password@host`), or empty: e-mail then stays in the outbox, parked with that reason."""
    threads: int = 4
    """Requests that this process works on at once."""
    mail_from: str = ""
