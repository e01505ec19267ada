"""Every route has a guard, every setting a line in the documents, every error a code of its own."""

import re
from dataclasses import fields
from pathlib import Path

from gateway import config, wiring
from gateway.app import create_app
from gateway.core.errors import GatewayError
from gateway.merchants import guards

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = {"api-docs", "healthz", "login", "demo", "apidocs", "in", "providers", "assets", "bootstrap"}
"""Open to anybody on purpose; each proves what it needs in the route itself."""


def test_every_route_is_named_in_the_table_of_guards(app):
    """A blueprint without a guard would be closed at run time; here it is an error."""
    for rule in app.url_map.iter_rules():
        owner = rule.endpoint.rpartition(".")[0] or rule.endpoint
        assert owner in wiring.GUARDS, rule.rule


def test_only_these_blueprints_are_open_to_anybody():
    """Opening another one is a decision somebody has to make here."""
    assert {name for name, guard in wiring.GUARDS.items() if guard is guards.public} <= PUBLIC


def test_a_blueprint_that_nobody_guards_does_not_exist(services):
    """Closed by default."""
    app = create_app(services)

    @app.route("/back-door")
    def back_door() -> str:
        return "open"

    assert app.test_client().get("/back-door").status_code == 404


def test_every_setting_is_documented():
    """Each environment variable that config reads has a line in docs/settings.md."""
    source = Path(config.__file__).read_text()
    read = set(re.findall(r"(?:env\.get\(|_int\(env, )\"([A-Z_]+)\"", source))
    documented = (ROOT / "docs/settings.md").read_text()
    assert len(read) >= len(fields(config.Settings)) - 1
    assert not {name for name in read if f"`{name}`" not in documented}


def all_errors(root: type[GatewayError] = GatewayError) -> list[type[GatewayError]]:
    return [root, *(error for child in root.__subclasses__() for error in all_errors(child))]


def test_every_error_has_its_own_code_and_a_sentence(app):
    """Programs read the code, people the sentence; an error class without either is half an error."""
    found = [
        error for error in all_errors() if error.__module__.startswith("gateway") and error.__name__ != "HttpProblem"
    ]
    codes: dict[str, type] = {}
    for error in found:
        assert error.__doc__, error
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", error.code), error
        assert 400 <= error.status < 600
        assert codes.setdefault(error.code, error) is error, f"{error} and {codes[error.code]} share {error.code}"
