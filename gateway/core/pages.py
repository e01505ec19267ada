"""Server-rendered pages: security headers, languages, formats and local assets that every page shares."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from babel import Locale
from flask import Blueprint, Flask, Response, g, request, session, url_for
from flask_babel import Babel, format_date, format_datetime, get_locale, gettext
from flask_bootstrap import Bootstrap5
from markupsafe import Markup

from gateway.core.money import Money

LANGUAGES = ("de", "en")
"""Of every page; a blueprint may speak more (`speak`)."""
TIMEZONE = "Europe/Berlin"
ASSETS_KEPT_S = 86_400
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""`data:` for the arrows and ticks inside the style sheet."""
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    },
)
TRANSPORT = "max-age=31536000; includeSubDomains"

assets = Blueprint(
    "assets", __name__, url_prefix="/assets", static_folder="static", static_url_path="", template_folder="templates"
)
"""Style sheets and base templates of all pages."""


def install(app: Flask) -> None:
    """Prepare an application for pages: languages, Bootstrap from its wheel, headers, filters."""
    app.config.setdefault("BOOTSTRAP_SERVE_LOCAL", True)
    app.config.setdefault("SEND_FILE_MAX_AGE_DEFAULT", ASSETS_KEPT_S)
    app.static_url_path = ""
    Bootstrap5(app)
    Babel(app, default_locale="de", default_timezone=TIMEZONE, locale_selector=language)
    secure = bool(app.config["SESSION_COOKIE_SECURE"])
    app.after_request(_protect_secure if secure else protect)
    app.jinja_env.filters.update(decimal=decimal, money=money, day=day, moment=moment, percent=percent)
    app.jinja_env.globals.update(asset=asset, language=language, languages=named_languages)
    app.jinja_env.globals.update(other_language_url=other_language_url)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def protect(response: Response) -> Response:
    """Headers of everything that is not plain JSON: nothing from elsewhere, nothing inline, in nobody's frame."""
    if response.mimetype == "application/json":
        return response
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "no-store")
        response.vary.update(("Cookie", "Accept-Language"))
    return response


def _protect_secure(response: Response) -> Response:
    response.headers.setdefault("Strict-Transport-Security", TRANSPORT)
    return protect(response)


_MORE: dict[str, tuple[str, ...]] = {}


def speak(blueprint: str, languages: tuple[str, ...]) -> None:
    """The pages of this blueprint speak these languages; the first where nothing else is known."""
    _MORE[blueprint] = languages


def languages() -> tuple[str, ...]:
    """What this page speaks."""
    return _MORE.get(request.blueprint or "", LANGUAGES)


def language() -> str:
    """The language of this request: chosen by link, by the session, by the browser; else German."""
    if "language" not in g:
        g.language = _chosen_language()
    chosen: str = g.language
    return chosen


def _chosen_language() -> str:
    asked, spoken = request.args.get("language", ""), languages()
    if asked in spoken:
        session["language"] = asked
        return asked
    kept = session.get("language", "")
    return kept if kept in spoken else request.accept_languages.best_match(spoken, spoken[0])


def named_languages() -> list[tuple[str, str]]:
    """What this page speaks, each with its own name."""
    return [(code, _NAMES[code]) for code in languages()]


_NAMES = {"de": "Deutsch", "en": "English", "fr": "Français", "it": "Italiano"}


def use_language(chosen: str) -> None:
    """From now on this session speaks `chosen`, if it is one of ours."""
    if chosen in languages():
        session["language"] = g.language = chosen


def other_language_url(chosen: str) -> str:
    """This page in another language."""
    return this_page(language=chosen)


def this_page(**changes: str) -> str:
    """The address of this page with some query values changed. The visitor's own names mean nothing but themselves."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in changes]
    path = "/" + f"{request.script_root}{request.path}".lstrip("/")
    return f"{quote(path)}?{urlencode([*kept, *changes.items()])}"


def asset(blueprint: str, filename: str) -> str:
    """The address of a file of ours; it changes with the content, so that browsers may keep it."""
    return url_for(f"{blueprint}.static", filename=filename, v=_version(filename))


@cache
def _version(filename: str) -> str:
    found = sorted(Path(__file__).parents[1].glob(f"*/static/{filename}"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in found))
    return digest.hexdigest()[:12]


def money(minor: int | None, currency: str) -> str:
    """`1.234,50 €` in the language of the page; a dash for what is not known."""
    return "–" if minor is None else Money(minor, currency).format(str(get_locale() or Locale("de")))


def moment(when: datetime | None) -> Markup:
    """A time for people, with the exact one beside it for programs."""
    if when is None:
        return Markup("–")
    return Markup('<time datetime="{}">{}</time>').format(when.isoformat(), format_datetime(when, "medium"))


def day(date_: date | None) -> str:
    """A calendar day in the language of the page."""
    return "–" if date_ is None else str(format_date(date_))


def percent(share: float | None, digits: int = 1) -> str:
    """`5,2 %` of a share between 0 and 1."""
    return "–" if share is None else f"{decimal(100 * share, digits)}\N{NO-BREAK SPACE}%"


def decimal(number: float, digits: int = 1, sign: str = "") -> str:
    """`5,2` in the language of the page; with `sign` "+" positive numbers say so."""
    text = f"{number:{sign}.{digits}f}"
    return text.replace(".", ",") if language() == "de" else text


def say(text: str, **values: Any) -> str:
    """A sentence in the language of the page; `text` is the English one."""
    said: str = gettext(text, **values)
    return said
