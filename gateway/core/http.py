"""The HTTP edge: strict JSON in, problem documents out, services and transaction of the request."""

import json
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, cast

import psycopg
import structlog
from flask import Flask, Request, Response, current_app, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_smorest import Api as SmorestApi
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from gateway.core import fastload
from gateway.core.errors import BadRequest, GatewayError, Invalid, TooLarge, Unavailable
from gateway.core.faults import pointers
from gateway.core.services import Services
from gateway.core.strict_json import MAX_BODY_BYTES, decode_json

PROBLEM_JSON = "application/problem+json"

log = structlog.get_logger(__name__)


def services() -> Services:
    """The services of this process."""
    return current_app.extensions["kulanz"]  # type: ignore[no-any-return]


def answer(body: bytes, status: int = 200) -> Response:
    """A body that is JSON already."""
    return Response(body, status, content_type="application/json")


def read_json() -> Any:
    """The request body as JSON.

    Raises TooLarge, BadRequest (`not-json`, `wrong-media-type`) or Invalid for text the database cannot hold.
    """
    if request.mimetype not in ("application/json", ""):
        raise WrongMediaType
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise BodyTooLarge(limit_bytes=MAX_BODY_BYTES)
    raw = request.get_data(cache=True)
    if len(raw) > MAX_BODY_BYTES:  # a chunked body does not announce its length
        raise BodyTooLarge(limit_bytes=MAX_BODY_BYTES)
    if not raw:
        raise MissingBody
    return decode_json(raw)


def refuse_nul() -> None:
    """Before every view: PostgreSQL holds no NUL, so no address and no form may bring one. Raises NulCharacter."""
    if "\0" in request.path or b"%00" in request.query_string or b"\0" in request.query_string:
        raise NulCharacter
    if request.mimetype in _FORMS and any(
        "\0" in (text or "") for pair in request.form.items(multi=True) for text in pair
    ):
        raise NulCharacter


_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


class NulCharacter(BadRequest):
    """The request holds a NUL character, which is no text."""


class MissingBody(BadRequest):
    """The request has no body."""


class WrongMediaType(BadRequest):
    """The body must be sent as application/json."""

    status = 415


class BodyTooLarge(TooLarge):
    """The body is larger than 256 kB."""


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookie, except that a request without one costs no cryptography."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if "HTTP_COOKIE" not in request.environ:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session or session.modified or session.accessed:
            super().save_session(app, session, response)


class StrictParser(FlaskParser):
    """webargs with our own reading of JSON, unknown fields refused, and faults named by JSON pointer."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - webargs' own class attribute
        "json": RAISE,
        "query": RAISE,
        "path": RAISE,
    }

    def use_args(self, argmap: Any, *args: Any, location: str | None = None, **options: Any) -> Callable[..., Any]:
        """A JSON body goes the short way, through a compiled loader; webargs reads the other places."""
        if location != "json":
            return super().use_args(argmap, *args, location=location, **options)
        load = fastload.loader(argmap if isinstance(argmap, Schema) else argmap())

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def with_body(*path: Any, **named: Any) -> Any:
                try:
                    body = load(read_json())
                except ValidationError as error:
                    raise _invalid(error.normalized_messages(), "json") from error  # type: ignore[no-untyped-call]
                return view(*path, body, **named)

            return with_body

        return decorate

    def handle_error(self, error: ValidationError, *_: Any, **__: Any) -> NoReturn:
        messages: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        location, faults = next(iter(messages.items())) if len(messages) == 1 else ("json", messages)
        raise _invalid(faults, location) from error


def _invalid(faults: dict[str, Any], location: str) -> Invalid:
    return Invalid(errors=pointers(faults), location=location)


class Blueprint(SmorestBlueprint):  # type: ignore[misc]
    """flask-smorest's blueprint with our parser."""

    ARGUMENTS_PARSER = StrictParser()

    def alt_response(self, *args: Any, **options: Any) -> Callable[..., Any]:
        """Document another answer. Nothing is put around the view."""
        documented = super().alt_response(*args, **options)

        def decorate(view: Any) -> Any:
            view._apidoc = documented(view)._apidoc  # noqa: SLF001 - where flask-smorest keeps it
            return view

        return decorate


class FaultSchema(Schema):
    """One fault at one place of the request."""

    path = fields.String(required=True, metadata={"description": "JSON pointer", "example": "/buyer/email"})
    message = fields.String(required=True)


class ProblemSchema(Schema):
    """RFC 9457 problem document. An error may carry more facts than these."""

    class Meta:
        unknown = INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True, metadata={"description": "stable, for programs", "example": "invalid-input"})
    detail = fields.String()
    errors = fields.List(fields.Nested(FaultSchema))


class Api(SmorestApi):  # type: ignore[misc]
    """flask-smorest with our problem documents, described when somebody first asks: it takes longer than all else."""

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask) -> None:
        self._undescribed: list[Blueprint] = []
        self._describing = threading.Lock()
        super().__init__(app)

    def register_blueprint(self, blp: Blueprint) -> None:
        """Its routes now, their description later."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp)
        self._undescribed.append(blp)

    def describe(self) -> dict[str, Any]:
        """The document as flask-smorest has it."""
        with self._describing:
            while self._undescribed:
                blp = self._undescribed.pop(0)
                blp.register_views_in_doc(self, self._app, self.spec, name=blp.name, parameters=None)
                self.spec.tag({"name": blp.name, "description": blp.description})
            described: dict[str, Any] = self.spec.to_dict()
            return described

    def _register_error_handlers(self) -> None:
        """Errors become problem documents in `register_errors`, once."""

    def specification(self) -> dict[str, Any]:
        """The OpenAPI document, with the problems that every operation can answer."""
        spec = self.describe()
        for item in spec["paths"].values():
            for method, operation in item.items():
                if method != "parameters":
                    operation["responses"] = _with_problems(operation, writes=method in ("post", "put"))
        return cast("dict[str, Any]", _for_clients(spec))

    def _openapi_json(self) -> Response:
        return Response(json.dumps(self.specification(), indent=2), content_type="application/json")


def _for_clients(part: Any) -> Any:
    """Patterns as ECMA-262 has them, which ends a text by `$` where Python says backslash Z."""
    if isinstance(part, dict):
        plain = {name: _for_clients(inner) for name, inner in part.items()}
        if isinstance(plain.get("pattern"), str):
            plain["pattern"] = plain["pattern"].replace(r"\Z", "$")
        return plain
    return [_for_clients(inner) for inner in part] if isinstance(part, list) else part


_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
_ALWAYS = {
    "400": "the request cannot be read",
    "401": "the key is missing, unknown, expired or revoked",
    "403": "the key lacks the scope",
    "404": "no such thing in this shop",
    "503": "a part of the service is away; nothing was recorded, try again",
}
_ON_WRITE = {
    "400": "the body cannot be read",
    "409": "not possible in the current state",
    "413": "the body is too large",
    "415": "the body has the wrong media type",
    "422": "readable but not valid; `errors` names the places",
}


def _with_problems(operation: dict[str, Any], *, writes: bool) -> dict[str, Any]:
    """The operation's own successful answers, and problem documents for everything else."""
    own = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    told = {
        status: answer["description"]
        for status, answer in operation["responses"].items()
        if "400" <= status < "600" and "description" in answer
    }
    problems = _ALWAYS | (_ON_WRITE if writes else {}) | told
    if "422" in operation["responses"]:
        problems["422"] = _ON_WRITE["422"]
    described = {
        status: {"description": text, "content": {PROBLEM_JSON: _PROBLEM}} for status, text in sorted(problems.items())
    }
    return own | described


def problem(error: GatewayError) -> Response:
    """RFC 9457: `type`, `title`, `status`, `code`, and the facts of the error."""
    body = {
        "type": f"{services().public_url}/docs/problems#{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        **({"detail": error.detail} if error.detail else {}),
        **error.facts,
    }
    response = Response(json.dumps(body, default=str), status=error.status, content_type=PROBLEM_JSON)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if error.status in (429, 503):
        response.headers["Retry-After"] = str(error.facts.get("retry_after_s", 1))
    return response


def register_errors(app: Flask) -> None:
    """Map every error to a problem document, once."""
    app.register_error_handler(GatewayError, problem)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(DBAPIError, _database_problem)
    app.register_error_handler(psycopg.Error, _database_problem)
    app.register_error_handler(PoolTimeout, _database_problem)
    app.register_error_handler(Exception, _unexpected)


def _http_problem(error: HTTPException) -> Response:
    name = error.name or "error"
    facts = {"__doc__": name, "status": error.code or 500, "code": name.lower().replace(" ", "-")}
    response = problem(type("HttpProblem", (GatewayError,), facts)(error.description))
    if isinstance(allowed := getattr(error, "valid_methods", None), list):
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _database_problem(error: Exception) -> Response:
    if isinstance(error, OperationalError | psycopg.OperationalError | PoolTimeout) or getattr(
        error, "connection_invalidated", False
    ):
        log.warning("database unavailable", kind=type(error).__name__)
        return problem(Unavailable("the database does not answer"))
    return _unexpected(error)


def _unexpected(error: Exception) -> Response:
    """A fault of ours. The log gets the place, never the data: driver messages may quote a row."""
    route = request.url_rule.rule if request.url_rule else ""  # an address may hold a secret, its rule does not
    log.error("unexpected error", kind=type(error).__name__, route=route, trace=_frames(error))
    return problem(GatewayError())


def _frames(error: BaseException) -> list[str]:
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None and len(frames) < 60:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-12:]
