"""What the environment leaves open, filled in: addresses of embedded servers, master keys, a session secret."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gateway import config
from gateway.core.crypto import Keyring
from gateway.core.db import WEB_ROLE
from gateway.core.errors import GatewayError
from gateway.embedded.engines import Addresses, Engines
from gateway.embedded.place import Place

DATABASE, CACHE = "DATABASE_URL", "REDIS_URL"
MASTER_KEYS, SESSION_SECRET = "KULANZ_MASTER_KEYS", "KULANZ_SESSION_SECRET"
SECRETS = "secrets"


class SecretsMissing(GatewayError):
    """There is data, but the keys that open it are gone."""

    status = 503


def given(env: Mapping[str, str]) -> frozenset[str]:
    """Which servers the operator runs himself."""
    return frozenset(name for name, variable in (("postgres", DATABASE), ("valkey", CACHE)) if env.get(variable))


@contextmanager
def environment(env: Mapping[str, str], *, role: str = WEB_ROLE) -> Iterator[dict[str, str]]:
    """The complete environment of a process under this role, for as long as the embedded servers run for it.

    A running `kulanz run` of the same data folder lends its servers.
    """
    engines = Engines(config.load(env).data_dir)
    kept = secrets(env, engines.place)
    if given(env) >= {"postgres", "valkey"}:
        yield {**env, **kept}
        return
    addresses = engines.start(without=given(env))
    try:
        yield completed({**env, **kept}, addresses, role)
    finally:
        engines.stop()


def completed(env: Mapping[str, str], addresses: Addresses | None, role: str) -> dict[str, str]:
    """`env` with the embedded servers where it names none."""
    filled = dict(env)
    if addresses and not env.get(DATABASE):
        filled[DATABASE] = addresses.database_url_for(role)
        filled["DATABASE_OWNER_URL"] = addresses.database_owner_url
    if addresses and not env.get(CACHE):
        filled[CACHE] = addresses.redis_url
    return filled


def secrets(env: Mapping[str, str], place: Place) -> dict[str, str]:
    """Master keys and session secret: the operator's, or those kept in the data folder, or new ones.

    Raises `SecretsMissing` when new keys would make the data of this folder unreadable.
    """
    kept = place.recall(SECRETS)
    wanted = {name: env.get(name) or kept.get(name) for name in (MASTER_KEYS, SESSION_SECRET)}
    if not wanted[MASTER_KEYS] and (place.path / "pg").exists():
        raise SecretsMissing(f"{place.path / SECRETS}.json is gone; put it back or set {MASTER_KEYS}")
    new = {MASTER_KEYS: Keyring.generate, SESSION_SECRET: config.new_session_secret}
    made = {name: new[name]() for name, value in wanted.items() if not value}
    if made:
        place.remember(SECRETS, {**kept, **made})
    return {name: value or made[name] for name, value in wanted.items()}
