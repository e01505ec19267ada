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
PUBLIC_URL, SANDBOX_URL = "KULANZ_PUBLIC_URL", "KULANZ_SANDBOX_URL"
SECRETS = "secrets"


class SecretsMissing(GatewayError):
    """There is data, but the keys that open it are missing."""

    status = 503


def given(env: Mapping[str, str]) -> frozenset[str]:
    """Which servers the operator runs himself."""
    return frozenset(name for name, variable in (("postgres", DATABASE), ("valkey", CACHE)) if env.get(variable))


@contextmanager
def environment(env: Mapping[str, str], *, role: str = WEB_ROLE) -> Iterator[dict[str, str]]:
    """The complete environment of a process under this role, for as long as the embedded servers run for it.

    A running `kulanz run` of the same data folder lends its servers. Where the operator's own settings are complete,
    nothing is started and no folder is touched; keys for a database of the operator's own are never made here.
    """
    own = given(env)
    if own >= {"postgres", "valkey"} and all(env.get(name) for name in (MASTER_KEYS, SESSION_SECRET)):
        yield dict(env)
        return
    engines = Engines(config.load(env).data_dir)
    kept = engines.place.recall(SECRETS) if "postgres" in own else secrets(env, engines.place)
    filled = {**kept, **{name: value for name, value in env.items() if value}}
    addresses = engines.start(without=own) if len(own) < 2 else None
    try:
        yield {**_lent_addresses(env, engines, addresses), **completed(filled, addresses, role)}
    finally:
        engines.stop()


def _lent_addresses(env: Mapping[str, str], engines: Engines, addresses: Addresses | None) -> dict[str, str]:
    """Where the `kulanz run` that lends its servers is reached, for links a command prints, and its sandbox.

    Our settings win.
    """
    if addresses is None or addresses.owner:
        return {}
    told = engines.place.recall("engines")
    mine = {PUBLIC_URL} if env.get("PORT") else set()
    lent = {PUBLIC_URL: told.get("url", ""), SANDBOX_URL: told.get("sandbox", "")}
    return {name: url for name, url in lent.items() if url and not env.get(name) and name not in mine}


def completed(env: Mapping[str, str], addresses: Addresses | None, role: str) -> dict[str, str]:
    """`env` with the embedded servers where it names none."""
    filled = dict(env)
    if addresses and not env.get(DATABASE):
        filled[DATABASE] = addresses.database_url_for(role)
        filled["DATABASE_OWNER_URL"] = addresses.database_owner_url
    if addresses and not env.get(CACHE):
        filled[CACHE] = addresses.redis_url
    return filled


def secrets(env: Mapping[str, str], place: Place, *, fresh: bool | None = None) -> dict[str, str]:
    """Master keys and session secret: the operator's, or those kept in the data folder, or new ones.

    `fresh` tells whether the database is new (default: whether the folder holds none). Raises `SecretsMissing` where
    new keys would leave the data of an older one unreadable.
    """
    kept = place.recall(SECRETS)
    wanted = {name: env.get(name) or kept.get(name) for name in (MASTER_KEYS, SESSION_SECRET)}
    fresh = not (place.path / "pg").exists() if fresh is None else fresh
    if not wanted[MASTER_KEYS] and not fresh:
        raise SecretsMissing(f"{place.path / SECRETS}.json is not there; put it back or set {MASTER_KEYS}")
    new = {MASTER_KEYS: Keyring.generate, SESSION_SECRET: config.new_session_secret}
    made = {name: new[name]() for name, value in wanted.items() if not value}
    if made:
        place.remember(SECRETS, {**kept, **made})
    return {name: value or made[name] for name, value in wanted.items()}
