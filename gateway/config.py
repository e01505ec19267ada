"""Settings, read once from the environment. Every one has a line in docs/settings.md (a test checks)."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.core.crypto import Keyring

TRUE = frozenset({"1", "true", "yes", "on"})


class SettingMissing(RuntimeError):
    """A setting that has no default is absent or cannot be read."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. `env` is the map it was read from, for child processes."""

    database_url: str
    database_owner_url: str
    redis_url: str
    master_keys: str
    session_secret: str
    data_dir: Path
    host: str
    port: int
    web_workers: int
    web_threads: int
    public_url: str
    mail_url: str
    mail_from: str
    allow_private_urls: bool
    sandbox_url: str
    trusted_proxies: int
    log_level: str


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Settings of this process. Raises SettingMissing naming the variable."""
    env = os.environ if env is None else env
    host, port = env.get("KULANZ_HOST", "127.0.0.1"), _port(env)
    return Settings(
        database_url=env.get("DATABASE_URL", ""),
        database_owner_url=env.get("DATABASE_OWNER_URL", "") or env.get("DATABASE_URL", ""),
        redis_url=env.get("REDIS_URL", ""),
        master_keys=_master_keys(env),
        session_secret=env.get("KULANZ_SESSION_SECRET", ""),
        data_dir=Path(env.get("KULANZ_DATA_DIR", ".var")),
        host=host,
        port=port,
        web_workers=_int(env, "KULANZ_WEB_WORKERS", os.cpu_count() or 2),
        web_threads=_int(env, "KULANZ_WEB_THREADS", 4),
        public_url=env.get("KULANZ_PUBLIC_URL", f"http://{_reachable(host)}:{port}").rstrip("/"),
        mail_url=env.get("KULANZ_MAIL_URL", ""),
        mail_from=env.get("KULANZ_MAIL_FROM", "kulanz@localhost"),
        allow_private_urls=env.get("KULANZ_ALLOW_PRIVATE_URLS", "").lower() in TRUE,
        sandbox_url=env.get("KULANZ_SANDBOX_URL", "").rstrip("/"),
        trusted_proxies=_int(env, "KULANZ_TRUSTED_PROXIES", 0),
        log_level=env.get("KULANZ_LOG_LEVEL", "INFO").upper(),
    )


def require(settings: Settings, *names: str) -> None:
    """Raise SettingMissing unless each of the named settings has a value."""
    variables = {"database_url": "DATABASE_URL", "redis_url": "REDIS_URL"}
    for name in names:
        if not getattr(settings, name):
            raise SettingMissing(f"{variables.get(name, 'KULANZ_' + name.upper())} is not set; see docs/settings.md")


def new_session_secret() -> str:
    return secrets.token_urlsafe(48)


def _reachable(host: str) -> str:
    """Every interface is where we listen, not where a browser goes."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound


def _port(env: Mapping[str, str]) -> int:
    port = _int(env, "PORT", 8000)
    if not 1 <= port <= 65535:
        raise SettingMissing(f"PORT must be between 1 and 65535, not {port}")
    return port


def _master_keys(env: Mapping[str, str]) -> str:
    """As given; what no keyring can be made of is told here, before anything is started."""
    text = env.get("KULANZ_MASTER_KEYS", "")
    if text:
        try:
            Keyring.parse(text)
        except ValueError as error:
            raise SettingMissing(f"KULANZ_MASTER_KEYS cannot be read: {error}") from error
    return text


def _int(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise SettingMissing(f"{name} must be a whole number, not {text!r}")
    return int(text)
