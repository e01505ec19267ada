"""People at the desk: invitation, password, log-in, lock-out, roles."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from gateway.core import clock, history
from gateway.core.errors import Invalid
from gateway.core.ids import new_id
from gateway.merchants import login, merchants, passwords, secrets, users
from gateway.merchants.login import MOST_FAILURES, LoginFailed, authenticate
from gateway.merchants.models import Role, UserEvent
from gateway.merchants.users import EmailTaken, InviteExpired, LastOwner, NewUser, UserUnknown

NOW = clock.now()
PASSWORD = "six horses in the rain"


@pytest.fixture
def desk(db, keyring):
    """A merchant without users."""
    return merchants.create(db, keyring, "Muster & Söhne", "DE", NOW)


def newest_acts(session):
    return session.scalars(select(UserEvent).order_by(UserEvent.id.desc())).all()


def a_user(db, keyring, merchant_id, email="ada@example.com", role=Role.OWNER, password=PASSWORD):
    with db.transaction(merchant_id) as session:
        invitation = users.invite(session, keyring, NewUser(email, "Ada Byron", role), NOW)
    if password:
        users.accept(db, keyring, invitation.token, password, NOW)
    return invitation.user_id


def test_an_invited_user_sets_a_password_once_and_logs_in(db, keyring, desk):
    """The link works one time; the e-mail address is recognised however it is typed."""
    with db.transaction(desk) as session:
        invitation = users.invite(session, keyring, NewUser("Ada@Example.com", "Ada Byron", Role.OWNER), NOW)
    assert users.find_invited(db, keyring, invitation.token, NOW).email == "ada@example.com"
    users.accept(db, keyring, invitation.token, PASSWORD, NOW)
    with pytest.raises(InviteExpired):
        users.accept(db, keyring, invitation.token, "another long password", NOW)
    (entered,) = authenticate(db, keyring, " ADA@example.com", PASSWORD, NOW)
    assert (entered.merchant_id, entered.user_id, entered.role) == (desk, invitation.user_id, Role.OWNER)
    assert entered.user.name == "Ada Byron"


def test_an_invitation_ends_after_72_hours(db, keyring, desk):
    """A new one ends the old one as well."""
    with db.transaction(desk) as session:
        first = users.invite(session, keyring, NewUser("ada@example.com", "Ada", Role.CLERK), NOW)
        second = users.invite_again(session, keyring, first.user_id, NOW)
    with pytest.raises(InviteExpired):
        users.accept(db, keyring, first.token, PASSWORD, NOW)
    with pytest.raises(InviteExpired):
        users.accept(db, keyring, second.token, PASSWORD, NOW + timedelta(hours=72))
    users.accept(db, keyring, second.token, PASSWORD, NOW + timedelta(hours=71))


@pytest.mark.parametrize(
    "token", ["", "x", "mer_0.usr_0.x", "mer_00000000000000000000000000.usr_00000000000000000000000000.x", "..ü"]
)
def test_a_made_up_link_opens_nothing(db, keyring, token):
    """Whatever is typed, the answer is the same."""
    with pytest.raises(InviteExpired):
        users.find_invited(db, keyring, token, NOW)


@pytest.mark.parametrize(
    "weak",
    ["short", "x" * 201, "password1234", "PASSWORT1234", "aaaaaaaaaaaaaa", "abababababab", "ada.byron@example.com"],
)
def test_a_password_that_is_guessed_first_is_refused(db, keyring, desk, weak):
    """Too short, too common, too uniform, or the owner's own e-mail address."""
    with db.transaction(desk) as session:
        link = users.invite(session, keyring, NewUser("ada.byron@example.com", "Ada", Role.CLERK), NOW)
    with pytest.raises(Invalid):
        users.accept(db, keyring, link.token, weak, NOW)


def test_a_password_is_the_same_however_the_keyboard_composes_it():
    """A Mac sends ü as two characters."""
    assert passwords.verify(passwords.hash_password("Über sieben Brücken"), "U\u0308ber sieben Bru\u0308cken")


def test_the_same_answer_for_an_unknown_address_and_a_wrong_password(db, keyring, desk):
    """Nobody learns which addresses exist."""
    a_user(db, keyring, desk)
    answers = []
    for email in ("ada@example.com", "nobody@example.com", "no address", ""):
        with pytest.raises(LoginFailed) as refused:
            authenticate(db, keyring, email, "wrong wrong wrong", NOW)
        answers.append((refused.value.code, refused.value.detail, refused.value.facts))
    assert len(set(map(str, answers))) == 1


def test_an_unknown_address_costs_as_much_as_a_wrong_password(db, keyring, desk, monkeypatch):
    """One hash is computed in either case; the clock tells nothing."""
    a_user(db, keyring, desk)
    hashed = []
    real = passwords.verify
    monkeypatch.setattr(passwords, "verify", lambda stored, password: hashed.append(1) or real(stored, password))
    for email in ("ada@example.com", "nobody@example.com"):
        with pytest.raises(LoginFailed):
            authenticate(db, keyring, email, "wrong wrong wrong", NOW)
    assert len(hashed) == 2


def test_thirty_failures_from_everywhere_lock_for_a_quarter_of_an_hour(db, keyring, desk):
    """Inside it even the right password is refused; after it the right one opens and everything is forgotten."""
    user_id = a_user(db, keyring, desk)
    for _ in range(MOST_FAILURES):
        with pytest.raises(LoginFailed):
            authenticate(db, keyring, "ada@example.com", "wrong wrong wrong", NOW)
    with pytest.raises(LoginFailed):
        authenticate(db, keyring, "ada@example.com", PASSWORD, NOW + timedelta(minutes=14))
    assert authenticate(db, keyring, "ada@example.com", PASSWORD, NOW + timedelta(minutes=16))
    with db.transaction(desk) as session:
        assert users.get(session, keyring, user_id).locked_until is None
        assert "user.locked" in [event.action for event in newest_acts(session)]


def test_a_stranger_cannot_keep_an_account_locked_with_a_guess_after_each_lock(db, keyring, desk):
    """After a lock counting begins anew: one more failure locks nothing."""
    a_user(db, keyring, desk)
    for _ in range(MOST_FAILURES):
        with pytest.raises(LoginFailed):
            authenticate(db, keyring, "ada@example.com", "wrong wrong wrong", NOW)
    later = NOW + timedelta(minutes=16)
    with pytest.raises(LoginFailed):
        authenticate(db, keyring, "ada@example.com", "wrong wrong wrong", later)
    assert authenticate(db, keyring, "ada@example.com", PASSWORD, later)


def test_guesses_at_the_same_moment_all_count(live_db, keyring, monkeypatch):
    """An attempt is counted before its password is looked at: eight at once leave the account locked."""
    monkeypatch.setattr(login, "MOST_FAILURES", 5)
    desk = merchants.create(live_db, keyring, "Muster", "DE", NOW)
    a_user(live_db, keyring, desk)
    start = Barrier(8)

    def guess():
        start.wait()
        with pytest.raises(LoginFailed):
            authenticate(live_db, keyring, "ada@example.com", "wrong wrong wrong", NOW)

    threads = [Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(LoginFailed):
        authenticate(live_db, keyring, "ada@example.com", PASSWORD, NOW)


def test_a_person_at_two_desks_enters_the_one_whose_password_it_is(db, keyring, desk):
    """And his failures there do not lock him out here."""
    other = merchants.create(db, keyring, "Beispiel AG", "AT", NOW)
    a_user(db, keyring, desk)
    a_user(db, keyring, other, password="quite another password")
    for _ in range(10):
        (entered,) = authenticate(db, keyring, "ada@example.com", PASSWORD, NOW)
        assert entered.merchant_id == desk
    (entered,) = authenticate(db, keyring, "ada@example.com", "quite another password", NOW)
    assert entered.merchant_id == other


def test_one_password_for_two_desks_opens_both(db, keyring, desk):
    """The page then asks where to."""
    other = merchants.create(db, keyring, "Beispiel AG", "AT", NOW)
    a_user(db, keyring, desk)
    a_user(db, keyring, other)
    assert {entered.merchant_id for entered in authenticate(db, keyring, "ada@example.com", PASSWORD, NOW)} == {
        desk,
        other,
    }


def test_one_address_is_one_user_of_a_merchant(db, keyring, desk):
    """Until that user is disabled."""
    a_user(db, keyring, desk)
    second = a_user(db, keyring, desk, email="grace@example.com", role=Role.CLERK)
    with db.transaction(desk) as session:
        with pytest.raises(EmailTaken):
            users.invite(session, keyring, NewUser("ADA@example.com", "Ada", Role.READER), NOW)
        users.disable(session, keyring, second, NOW)
    with pytest.raises(LoginFailed):
        authenticate(db, keyring, "grace@example.com", PASSWORD, NOW)
    again = a_user(db, keyring, desk, email="grace@example.com", role=Role.CLERK)
    assert again != second
    with db.transaction(desk) as session:
        assert len(users.list_users(session, keyring)) == 2
        assert len(users.list_users(session, keyring, with_disabled=True)) == 3


def test_the_last_owner_stays(db, keyring, desk):
    """Somebody who was invited but never came cannot take his place."""
    ada = a_user(db, keyring, desk)
    grace = a_user(db, keyring, desk, email="grace@example.com", password=None)
    with db.transaction(desk) as session:
        with pytest.raises(LastOwner):
            users.set_role(session, keyring, ada, Role.ADMIN, NOW)
        with pytest.raises(LastOwner):
            users.disable(session, keyring, ada, NOW)
        users.set_password(session, keyring, grace, PASSWORD, NOW)
        users.set_role(session, keyring, ada, Role.ADMIN, NOW)
        assert users.get(session, keyring, ada).role is Role.ADMIN


def test_two_owners_cannot_demote_each_other_at_once(live_db, keyring):
    """One of them is refused, whoever comes second."""
    desk = merchants.create(live_db, keyring, "Muster", "DE", NOW)
    both = [a_user(live_db, keyring, desk, email=f"{name}@example.com") for name in ("ada", "grace")]
    start, outcomes = Barrier(2), []

    def demote(user_id):
        start.wait()
        try:
            with live_db.transaction(desk) as session:
                users.set_role(session, keyring, user_id, Role.CLERK, NOW)
            outcomes.append("done")
        except LastOwner:
            outcomes.append("refused")

    threads = [Thread(target=demote, args=(user_id,)) for user_id in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused"]


def test_a_new_password_or_role_ends_open_sessions(db, keyring, desk):
    """A session knows the epoch it began in."""
    ada = a_user(db, keyring, desk)
    (entered,) = authenticate(db, keyring, "ada@example.com", PASSWORD, NOW)
    with db.transaction(desk) as session:
        assert users.find_logged_in(session, keyring, ada, entered.epoch).email == "ada@example.com"
        users.set_password(session, keyring, ada, "another long password", NOW)
        assert users.find_logged_in(session, keyring, ada, entered.epoch) is None
        now_open = users.get(session, keyring, ada).epoch
        users.end_sessions(session, keyring, ada, NOW)
        assert users.find_logged_in(session, keyring, ada, now_open) is None
        with pytest.raises(UserUnknown):
            users.end_sessions(session, keyring, new_id(), NOW)


def test_what_happens_to_a_user_is_logged_and_chained(db, keyring, desk):
    """Who did what, in order, and each entry proves the one before."""
    ada = a_user(db, keyring, desk)
    grace = a_user(db, keyring, desk, email="grace@example.com", role=Role.READER, password=None)
    with db.transaction(desk) as session:
        users.set_role(session, keyring, grace, Role.CLERK, NOW, actor=f"user:{ada}")
        users.disable(session, keyring, grace, NOW, actor=f"user:{ada}")
        acts = [(act.actor, act.action) for act in newest_acts(session) if act.subject == f"user:{grace}"]
        assert acts == [
            (f"user:{ada}", "user.disabled"),
            (f"user:{ada}", "user.role-set"),
            ("operator", "user.invited"),
        ]
        lines = history.lines(session, grace, secrets.get_key(session, keyring, "data"))
        assert [line.event for line in lines] == ["user.invited", "user.role-set", "user.disabled"]
        assert lines[1].body == {"from": "reader", "to": "clerk"}


def test_names_and_addresses_are_never_stored_in_the_clear(db, keyring, desk):
    """Not in the user's row, not in the look-up, not in the log."""
    a_user(db, keyring, desk)
    with db.connection(desk) as connection:
        for table in ("desk_user", "login_lookup", "user_event", "history"):
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            assert rows
            assert not {name for name in ("ada@", "ada byron") if name in repr(rows).lower()}


def test_an_older_hash_is_renewed_at_the_next_login(db, keyring, desk, monkeypatch):
    """When the costs are raised, people need not do anything."""
    a_user(db, keyring, desk)
    monkeypatch.setattr(passwords, "_HASHER", type(passwords._HASHER)(time_cost=2, memory_cost=16, parallelism=1))
    passwords._dummy.cache_clear()
    assert authenticate(db, keyring, "ada@example.com", PASSWORD, NOW)
    with db.connection(desk) as connection:
        stored = connection.exec_driver_sql("SELECT password_hash FROM desk_user").scalar_one()
    assert "t=2" in stored
