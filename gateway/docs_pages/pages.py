"""`/docs`: the API for people, made from the description that programs read at `/openapi.json`."""

import re
from functools import cache

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from gateway.core.errors import GatewayError
from gateway.docs_pages import reference
from gateway.docs_pages.reference import Group

INTERNAL = frozenset({"HttpProblem", "Fail", "Retry"})
"""Kinds that no answer carries: the shape of Werkzeug's own errors, and what a job says to its worker."""
METHOD_NOT_ALLOWED = (
    "method-not-allowed",
    405,
    "The address is there, but not for this method; `Allow` names those it has.",
)
"""Werkzeug's, so it has no class here."""

blueprint = Blueprint("apidocs", __name__, url_prefix="/docs", template_folder="templates", static_folder="static")


@blueprint.app_template_filter("with_code")
def with_code(text: str) -> Markup:
    """Text whose `words` between back quotes are code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


_CODE = re.compile("`([^`]+)`")


@blueprint.get("")
def show() -> ResponseReturnValue:
    spec = _spec()
    return render_template("docs/reference.html", spec=spec, groups=_groups())


@blueprint.get("/problems")
def problems() -> ResponseReturnValue:
    """Every code that a problem document can carry; `type` of each problem points here."""
    told = [(error.code, error.status, (error.__doc__ or error.code).strip().splitlines()[0]) for error in codes()]
    return render_template("docs/problems.html", problems=sorted([*told, METHOD_NOT_ALLOWED], key=lambda row: row[1]))


def codes(root: type[GatewayError] = GatewayError) -> list[type[GatewayError]]:
    """Every kind of problem of this program, by status and code."""
    found = {root.code: root}
    waiting = [root]
    while waiting:
        for child in waiting.pop().__subclasses__():
            if child.__module__.startswith("gateway.") and child.__name__ not in INTERNAL:
                found.setdefault(child.code, child)
                waiting.append(child)
    return sorted(found.values(), key=lambda error: (error.status, error.code))


def _spec() -> dict[str, object]:
    api = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    spec: dict[str, object] = api.describe()
    return spec


@cache
def _groups() -> tuple[Group, ...]:
    """The same in every request of a process: routes do not change while it runs."""
    return reference.groups(_spec())
