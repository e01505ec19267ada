"""Letters at the desk: what waits, what left, what was parked and why; the paper of a day; who letters come from."""

from dataclasses import asdict
from datetime import date, datetime

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as Answer

from gateway.admin import desk
from gateway.admin.forms import SENDER_FIELDS, SenderForm
from gateway.core import clock
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.pages import say
from gateway.law import store
from gateway.merchants import senders
from gateway.receivables import days, letters, print_batches
from gateway.receivables.keys import Keys
from gateway.receivables.letter_lifecycle import LIFECYCLE, LetterAct, LetterState
from gateway.receivables.letter_preview import preview
from gateway.receivables.letter_view import letter_view
from gateway.receivables.letters import Wanted
from gateway.shops import shops

PAGE = 50


def index() -> ResponseReturnValue:
    asked = request.args.get("state", "")
    state = LetterState(asked) if asked in set(LetterState) else None
    with desk.transaction() as session:
        found = letters.list_letters(session, Wanted(state=state, before=desk.cursor("ltr"), limit=PAGE))
        about = letters.about(session, [letter.id for letter in found])
        batches = print_batches.list_batches(session, 10)
        names = {shop.id: shop.name for shop in shops.list_shops(session)}
        sender = senders.find(session, services().keyring)
    older = to_public("ltr", found[-1].id) if len(found) == PAGE else None
    return render_template(
        "admin/letters.html",
        letters=found,
        about=about,
        batches=batches,
        shops=names,
        states=list(LetterState),
        sender=sender,
        next_url=desk.next_url(older),
    )


def show(letter_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("ltr", letter_id)
    with desk.transaction() as session:
        letter = letters.get(session, id_)
        told = letter_view(letter, letters.claims_of(session, id_))
        keys, url = Keys(services().keyring), services().public_url
        said = preview(session, keys, letter, url, store.load(session))
    state = LetterState(letter.state)
    return render_template(
        "admin/letter.html",
        letter=told,
        preview=said,
        day_of=lambda text: date.fromisoformat(text) if text else None,
        moment_of=lambda text: datetime.fromisoformat(text) if text else None,
        may_cancel=LIFECYCLE.allows(state, LetterAct.WITHDRAW),
        may_release=state in {LetterState.DRAFTED, LetterState.PARKED},
        may_return=LIFECYCLE.allows(state, LetterAct.BOUNCE),
        reasons=print_batches.REASONS,
    )


def pdf(letter_id: str) -> ResponseReturnValue:
    """The PDF as it left."""
    id_ = desk.id_of("ltr", letter_id)
    with desk.transaction() as session:
        content = letters.pdf_of(session, Keys(services().keyring), letters.get(session, id_))
    return _file(content, "application/pdf", f"{letter_id}.pdf")


def cancel(letter_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("ltr", letter_id)
    with desk.transaction() as session:
        letters.cancel(session, Keys(services().keyring), id_, "cancelled", clock.now())
        desk.note(session, "letter.cancelled", "letter", id_)
    desk.done(say("The letter is taken back."))
    return redirect(url_for("admin.letter", letter_id=letter_id))


def release(letter_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("ltr", letter_id)
    with desk.transaction() as session:
        letters.release(session, id_, clock.now())
        desk.note(session, "letter.released", "letter", id_)
    desk.done(say("The letter leaves now."))
    return redirect(url_for("admin.letter", letter_id=letter_id))


def returned(letter_id: str) -> ResponseReturnValue:
    """It came back in the post."""
    id_, asked = desk.id_of("ltr", letter_id), request.form.get("why", "")
    why = asked if asked in print_batches.REASONS else "other"
    with desk.transaction() as session:
        print_batches.came_back(session, Keys(services().keyring), id_, why, clock.now())
        desk.note(session, "letter.returned", "letter", id_, why=why)
    desk.done(say("The letter came back; its step is undone."))
    return redirect(url_for("admin.letter", letter_id=letter_id))


def make_batch() -> ResponseReturnValue:
    now = clock.now()
    try:
        with desk.transaction() as session:
            batch = print_batches.make(session, Keys(services().keyring), days.today("DE", now), now)
            desk.note(session, "print_batch.made", "print_batch", batch.id, letters=batch.letter_count)
    except print_batches.NothingToPrint:
        desk.done(say("No letter waits for paper."))
    else:
        desk.done(say("The print batch is ready."))
    return redirect(url_for("admin.letters"))


def archive(batch_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("prb", batch_id)
    with desk.transaction() as session:
        content = print_batches.archive(session, Keys(services().keyring), print_batches.get(session, id_))
    return _file(content, "application/zip", f"{batch_id}.zip")


def confirm_batch(batch_id: str) -> ResponseReturnValue:
    """All of it was sent; what comes back later is noted letter by letter."""
    id_, keys = desk.id_of("prb", batch_id), Keys(services().keyring)
    with desk.transaction() as session:
        done = print_batches.confirm(session, keys, id_, {}, desk.who().user.actor, clock.now())
        desk.note(session, "print_batch.confirmed", "print_batch", id_, **asdict(done))
    desk.done(say("The letters are dated today."))
    return redirect(url_for("admin.letters"))


def sender() -> ResponseReturnValue:
    with desk.transaction() as session:
        known = senders.find(session, services().keyring)
    return _sender_page(SenderForm(formdata=None, data=asdict(known) if known else None))


def save_sender() -> ResponseReturnValue:
    form = SenderForm()
    if not form.validate():
        return _sender_page(form), 422
    told = {name: getattr(form, name).data or "" for name in SENDER_FIELDS}
    try:
        with desk.transaction() as session:
            senders.save(session, services().keyring, told, desk.who().user.actor, clock.now())
            desk.note(session, "sender.changed", "merchant", merchant_of(session))
    except Invalid as fault:
        desk.put_faults(form, fault)
        return _sender_page(form), 422
    desk.done(say("Letters come from this sender from now on."))
    return redirect(url_for("admin.letters"))


def _sender_page(form: SenderForm) -> str:
    return render_template("admin/sender.html", form=form, fields=[getattr(form, name) for name in SENDER_FIELDS])


def _file(content: bytes, media_type: str, name: str) -> Answer:
    answer = Answer(content, 200, content_type=media_type)
    where = "inline" if media_type == "application/pdf" else "attachment"  # our own PDF: the browser may show it
    answer.headers["Content-Disposition"] = f'{where}; filename="{name}"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
