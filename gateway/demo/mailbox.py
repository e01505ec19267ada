"""The demo after the sale, as a page: the mail that debtors of the demo shop would get, and buttons that let things happen.

Only for whoever sits at this machine: it shows letters and books money without a login. All of it is synthetic.
"""

import time
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.admin.claims import label
from gateway.admin.present import letter_kind, letter_state
from gateway.core import clock, documents
from gateway.core.channels import Mail
from gateway.core.db import merchant_of
from gateway.core.documents import Owner
from gateway.core.errors import GatewayError, Invalid, NotFound, Refused
from gateway.core.http import services
from gateway.core.ids import from_public, to_public
from gateway.core.pages import CONTENT_POLICY, say
from gateway.core.work import enqueue
from gateway.demo import shop, story
from gateway.demo.debtors import DEBTORS, name_of
from gateway.demo.seed import ADMIN_EMAIL, DEMO_MERCHANT, STORY
from gateway.merchants import secrets
from gateway.receivables import debtor_links, letters
from gateway.receivables.keys import Keys
from gateway.receivables.letter_models import Letter
from gateway.receivables.letters import Wanted
from gateway.receivables.models import Claim

blueprint = Blueprint("mailbox", __name__, url_prefix="/demo/mailbox", template_folder="templates")
MOST_SHOWN = 40
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation"
)
"""Of an e-mail inside its frame: as in a mail program it runs nothing and loads nothing."""
_OURS = frozenset({"localhost", "127.0.0.1", "::1"})


class OnlyHere(NotFound):
    """The mailbox of the demo opens on this machine only, at the address that `make run` prints."""


class FromElsewhere(Refused):
    """This was asked by another page; press the button on the page of the demo."""


@dataclass(frozen=True, slots=True)
class Post:
    """A letter in the list."""

    id: str
    kind: str
    state: str
    day: date
    language: str
    mail: Mail | None
    page_url: str


def guard() -> None:
    """Whoever sits at this machine, while there is a demo shop; no proxy, and buttons of our own page only."""
    here = ip_address(request.remote_addr or "0.0.0.0").is_loopback  # noqa: S104 - nobody's address
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    if not here or forwarded or urlsplit(f"//{request.host}").hostname not in _OURS:
        raise OnlyHere
    if request.method != "GET" and request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise FromElsewhere
    shop.guard()


@blueprint.get("")
def show() -> ResponseReturnValue:
    with services().db.transaction(DEMO_MERCHANT) as session:
        posts = [_post(session, letter) for letter in letters.list_letters(session, Wanted(limit=MOST_SHOWN))]
        owed = _claims(session)
    posts.sort(key=lambda post: (post.day, post.id), reverse=True)
    words = {"label": label, "letter_kind": letter_kind, "letter_state": letter_state}
    told = {
        "posts": posts,
        "claims": owed,
        "debtors": DEBTORS,
        "login": ADMIN_EMAIL,
        "public": to_public,
        "name_of": name_of,
    }
    waiting = sum(post.state == "DRAFTED" for post in posts)
    return render_template("demo/mailbox.html", waiting=waiting, **told, **words)


@blueprint.get("/<letter_id>")
def read(letter_id: str) -> ResponseReturnValue:
    """One e-mail with its heads; the words are in a frame."""
    with services().db.transaction(DEMO_MERCHANT) as session:
        post = _post(session, letters.get(session, from_public("ltr", letter_id)))
    answer = Response(render_template("demo/mail.html", post=post, letter_kind=letter_kind))
    answer.headers["Content-Security-Policy"] = f"{CONTENT_POLICY}; frame-src 'self'"
    return answer


@blueprint.get("/<letter_id>/words")
def words(letter_id: str) -> ResponseReturnValue:
    """The e-mail itself, as the debtor's mail program would show it."""
    with services().db.transaction(DEMO_MERCHANT) as session:
        post = _post(session, letters.get(session, from_public("ltr", letter_id)))
    if post.mail is None:
        raise letters.LetterHasNoDocument
    # Links leave the frame: no page of ours lets itself be framed.
    answer = Response(post.mail.html.replace("<head>", '<head><base target="_top">', 1), mimetype="text/html")
    answer.headers["Content-Security-Policy"] = MAIL_POLICY
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    return answer


@blueprint.get("/<letter_id>/pdf")
def pdf(letter_id: str) -> ResponseReturnValue:
    """The letter on paper, which the e-mail carries too."""
    with services().db.transaction(DEMO_MERCHANT) as session:
        letter = letters.get(session, from_public("ltr", letter_id))
        content = letters.pdf_of(session, Keys(services().keyring), letter)
    heads = {"Content-Disposition": f'inline; filename="{letter_id}.pdf"', "Cache-Control": "no-store"}
    return Response(content, mimetype="application/pdf", headers=heads)


@blueprint.post("/night")
def night() -> ResponseReturnValue:
    """What a night of dunning does."""
    drafted = story.night(services(), clock.now())
    none = say("The night has passed. Nothing was due: every letter of today is written already.")
    return _back(say("The night has passed, letters drafted: %(count)s.", count=drafted) if drafted else none)


@blueprint.post("/leave")
def leave() -> ResponseReturnValue:
    """The hours in which a letter can be taken back are over."""
    leaving = story.let_leave(services(), clock.now())
    _wait_until_left()
    return _back(say("Letters that have left: %(count)s. They are in the mailbox.", count=leaving))


@blueprint.post("/pay")
def pay() -> ResponseReturnValue:
    """The debtor has transferred money."""
    claim_id = from_public("clm", request.form.get("claim", ""))
    share = {"all": 1, "half": 2}.get(request.form.get("share", ""))
    if claim_id is None or share is None:
        raise Invalid.at("/share", "is all or half, of a claim of the demo")
    claim = story.pay(services(), claim_id, share, clock.now())
    return _back(
        say("The money has arrived and is booked. The claim is now: %(state)s.", state=label("STATES", claim.state))
    )


@blueprint.post("/debtor")
def debtor() -> ResponseReturnValue:
    """One more debtor in a position of the story."""
    name = request.form.get("debtor", "")
    if name not in DEBTORS:
        raise Invalid.at("/debtor", "is not offered")
    number = int(clock.now().timestamp()) % 1_000_000
    with services().db.transaction(DEMO_MERCHANT) as session:
        enqueue(session, STORY, merchant_id=DEMO_MERCHANT, args={"debtor": name, "number": number})
    return _back(say("Another debtor with the same past is being told; reload in a moment."))


@blueprint.errorhandler(GatewayError)
def told_as_page(error: GatewayError) -> ResponseReturnValue:
    return shop.told_as_page(error)


def _back(text: str) -> ResponseReturnValue:
    flash(text, "good")
    return redirect(url_for("mailbox.show"), 303)


def _wait_until_left(most_s: float = 6.0) -> None:
    """The worker lays letters out; a visitor should find them in the mailbox at once."""
    until = time.monotonic() + most_s
    while time.monotonic() < until:
        with services().db.transaction(DEMO_MERCHANT) as session:
            due = Letter.merchant_id == merchant_of(session), Letter.state == "DRAFTED", Letter.channel != "call"
            if session.scalar(select(Letter.id).where(*due).limit(1)) is None:
                return
        time.sleep(0.2)


def _post(session: Session, letter: Letter) -> Post:
    key = Keys(services().keyring).of(session, letter.buyer_id)
    mail = None
    if letter.mail_id is not None:
        mail = Mail.decode(documents.load(session, Owner(letter.buyer_id, key), letter.mail_id))
    return Post(
        to_public("ltr", letter.id),
        letter.kind,
        letter.state,
        letter.day,
        letter.language,
        mail,
        _page_url(session, letter),
    )


def _page_url(session: Session, letter: Letter) -> str:
    """The link of the letter, on the host the visitor uses."""
    index_key = secrets.get_key(session, services().keyring, "index")
    return debtor_links.link("", index_key, letter.merchant_id, letter.buyer_id, letter.drafted_at)


def _claims(session: Session) -> list[Claim]:
    mine = Claim.merchant_id == DEMO_MERCHANT, Claim.kind == "order"
    return list(session.scalars(select(Claim).where(*mine).order_by(Claim.id.desc()).limit(MOST_SHOWN)))
