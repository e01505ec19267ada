"""The web application: blueprints, guards and errors put together from the tables in `wiring`."""

from typing import Any

from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import DBAPIError
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import __version__, config, wiring
from gateway.core.errors import GatewayError
from gateway.core.http import Api, Sessions, refuse_nul, register_errors, services
from gateway.core.services import Services
from gateway.core.strict_json import MAX_BODY_BYTES
from gateway.core.work import worker_age_s
from gateway.core.workloop import Pace
from gateway.merchants import guards

DESCRIPTION = """Kulanz decides which payment methods a webshop may safely show to a buyer.

Authenticate with `Authorization: Bearer kz_live_…` or `kz_test_…`. Errors are RFC 9457 problem documents with a
stable `code`. Every POST takes an `Idempotency-Key`. Amounts are integers in minor units."""


def create_app(opened: Services | None = None, trusted_proxies: int = 0) -> Flask:
    """The WSGI application. Without `opened` all is taken from the environment (gunicorn's way).

    `trusted_proxies` in a row stand in front of it: that many entries of X-Forwarded-For are believed, from the right.
    """
    if opened is None:
        settings = config.load()
        wiring.configure_logging(settings.log_level)
        opened = wiring.open_services(settings, role="kulanz_web")
        opened.db.refuse_privileges()
        trusted_proxies = settings.trusted_proxies
    app = Flask("gateway", static_folder=None)
    attach(app, opened)
    app.session_interface = Sessions()
    register_errors(app)
    wiring.install_listeners()
    app.before_request(guard)
    app.before_request(refuse_nul)
    _register_api(app)
    for blueprint in wiring.PAGES:
        app.register_blueprint(blueprint)
    for prepare in wiring.EXTENSIONS:
        prepare(app)
    app.add_url_rule("/healthz", "healthz", healthz)
    if trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted_proxies, x_proto=trusted_proxies)  # type: ignore[method-assign]
    return app


def attach(app: Flask, opened: Services) -> None:
    """Let an application work with these services and with nothing of those it had before."""
    app.extensions["kulanz"] = opened
    app.config.update(_flask_config(opened))
    for make in wiring.KEPT:
        make(app)


def _flask_config(opened: Services) -> dict[str, object]:
    return {
        "SECRET_KEY": opened.session_secret,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": opened.public_url.startswith("https://"),
        "MAX_CONTENT_LENGTH": 11 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": MAX_BODY_BYTES,
        "API_TITLE": "Kulanz",
        "API_VERSION": __version__,
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": "/",
        "OPENAPI_JSON_PATH": "openapi.json",
        "API_SPEC_OPTIONS": {
            "info": {"description": DESCRIPTION},
            "servers": [{"url": opened.public_url}],
            "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
            "security": [{"key": []}],
        },
    }


def _register_api(app: Flask) -> None:
    api = Api(app)
    for blueprint in wiring.API:
        api.register_blueprint(blueprint)


def guard() -> Any:
    """Ask the guard of the blueprint. A blueprint that the table does not name is closed."""
    if request.endpoint is None:
        return None  # no such route: the 404 tells nothing
    return wiring.GUARDS.get(request.blueprint or request.endpoint, guards.closed)()


def healthz() -> tuple[Response, int]:
    """For load balancers: 200 while the database answers. The cache or the workers may be away, decisions go on."""
    database = services().db.ping()
    body = {
        "status": "ok" if database else "unavailable",
        "database": database,
        "worker": worker() if database else "unknown",
        "version": __version__,
    }
    return jsonify(body), 200 if database else 503


def worker() -> str:
    """`ok`, `late` when the newest sign of life is older than three beats should be, `none` without any."""
    try:
        with services().db.connection(None) as connection:
            age_s = worker_age_s(connection)
    except (GatewayError, DBAPIError):
        return "unknown"
    if age_s is None:
        return "none"
    return "ok" if age_s <= Pace().lease_s else "late"
