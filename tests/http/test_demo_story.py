"""The demo after the sale, from the unpaid order to the settled claim, as a visitor of `make run` walks it."""

import re

import pytest

from gateway import wiring
from gateway.core import clock
from gateway.core.work import Job
from gateway.demo import debtors, mailbox, story
from gateway.demo.seed import DEMO_MERCHANT, STORY, seed
from gateway.receivables import letter_job, letters
from gateway.receivables.letter_lifecycle import LetterState
from gateway.receivables.letters import Wanted
from gateway.receivables.models import Claim

WANTED = ("reminder", "dunning-1", "swiss-french")
"""Enough of them to see every way; each letter is laid out for real."""


@pytest.fixture
def told(app, services, monkeypatch):
    """The demo with its story told, as the worker does it after the start."""
    monkeypatch.setattr(story, "DEBTORS", {name: debtors.DEBTORS[name] for name in WANTED})
    wiring.install_listeners()
    seed(services, clock.now())
    story.tell(services, Job(1, "default", STORY, DEMO_MERCHANT, {}, 1))
    return services


@pytest.fixture
def visitor(app, told, monkeypatch):
    """Somebody at this machine; letters that may leave do so at once."""

    def worked(most_s=0.0):
        for letter in of(told, LetterState.DRAFTED):
            job = Job(1, "default", letters.TASK, DEMO_MERCHANT, {"letter_id": str(letter.id)}, 1)
            letter_job.let_go(told, job, clock.now())

    monkeypatch.setattr(mailbox, "_wait_until_left", worked)
    return app.test_client()


def of(services, state):
    with services.db.transaction(DEMO_MERCHANT) as session:
        found = letters.list_letters(session, Wanted(state=state))
        session.expunge_all()
    return found


def claims(services):
    with services.db.transaction(DEMO_MERCHANT) as session:
        found = {one.invoice_number: one for one in session.query(Claim).all()}
        session.expunge_all()
    return found


def test_the_past_is_told_with_its_own_dates(told):
    """Reminded and dunned on days before today, each letter with its document; nobody is dunned twice by telling again."""
    before = of(told, LetterState.SENT)
    assert sorted(one.kind for one in before) == ["dunning", "reminder", "reminder"]
    assert all(one.document_id and one.sent_at.date() == one.day < clock.now().date() for one in before)
    story.tell(told, Job(1, "default", STORY, DEMO_MERCHANT, {}, 1))
    assert len(of(told, LetterState.SENT)) == 3


def test_a_visitor_walks_the_whole_story(visitor, told):
    """A night drafts, letters leave, the mail links to the debtor's page, and money settles the claim."""
    assert "synthetic" in visitor.get("/demo/mailbox?language=en").text
    assert "letters drafted: 4" in visitor.post("/demo/mailbox/night", follow_redirects=True).text
    assert len(of(told, LetterState.DRAFTED)) == 4
    assert "Nothing was due" in visitor.post("/demo/mailbox/night", follow_redirects=True).text
    assert "have left: 4" in visitor.post("/demo/mailbox/leave", follow_redirects=True).text
    assert of(told, LetterState.PARKED) == []
    page = visitor.get("/demo/mailbox").text
    first = re.search(r'class="mail-subject"[^>]+href="([^"]+)"', page)[1]
    mail = visitor.get(first).text
    assert visitor.get(f"{first}/pdf").data.startswith(b"%PDF")
    assert visitor.get(f"{first}/words").headers["Content-Security-Policy"].startswith("default-src 'none'")
    link = re.search(r'href="(/pay/[^"]+)"', mail)[1]
    assert visitor.get(link).status_code == 200
    claim = claims(told)[debtors.reference("swiss-french")]
    assert claim.interest_minor > 0
    public = re.search(r'name="claim" value="(clm_\w+)"', page)[1]
    visitor.post("/demo/mailbox/pay", data={"claim": public, "share": "half"})
    visitor.post("/demo/mailbox/pay", data={"claim": public, "share": "all"})
    assert [one.state for one in claims(told).values()].count("SETTLED") == 1


def test_another_debtor_can_be_added(visitor, told):
    """The same position again; what is not offered is refused."""
    assert visitor.post("/demo/mailbox/debtor", data={"debtor": "nobody"}).status_code == 422
    assert visitor.post("/demo/mailbox/debtor", data={"debtor": "reminder"}).status_code == 303
    story.tell(told, Job(1, "default", STORY, DEMO_MERCHANT, {"debtor": "reminder", "number": 7}, 1))
    assert f"{debtors.reference('reminder')}-7" in claims(told)


@pytest.mark.parametrize(
    "asked",
    [
        {"environ_overrides": {"REMOTE_ADDR": "203.0.113.7"}},
        {"headers": {"X-Forwarded-For": "203.0.113.7"}},
        {"headers": {"Host": "kulanz.example.com"}},
    ],
)
def test_the_mailbox_opens_on_this_machine_only(visitor, asked):
    """Neither from elsewhere nor through a proxy nor under another name."""
    assert visitor.get("/demo/mailbox", **asked).status_code == 404
    assert visitor.post("/demo/mailbox/night", **asked).status_code == 404


def test_a_page_from_elsewhere_cannot_press_the_buttons(visitor, told):
    answer = visitor.post("/demo/mailbox/night", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 409
    assert of(told, LetterState.DRAFTED) == []
