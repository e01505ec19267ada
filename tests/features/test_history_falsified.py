"""Every way to falsify history is tried as the owner of the database, and found by name."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.rows import namedtuple_row
from sqlalchemy.orm import DeclarativeBase, Mapped

from gateway.audit import audit
from gateway.core import anchors, chain, verification
from gateway.core.anchors import Origin, Trail, anchor, exported
from gateway.core.crypto import new_key
from gateway.core.db import RUNTIME_ROLES, Base, Tenant, secure
from gateway.core.history import Entry, append
from gateway.core.ids import new_id, to_public
from gateway.core.verification import verify

KEY = new_key()
MERCHANT_KEY = new_key()


class Own(DeclarativeBase):
    """Tables of this test only, apart from the product's."""

    type_annotation_map = Base.type_annotation_map


class Answer(Tenant, Own):
    """A row that carries its own digest, as decisions do."""

    __tablename__ = "test_answer"

    body: Mapped[bytes]
    digest: Mapped[bytes]


def answer_digest(row: Answer) -> bytes:
    """What a row of this kind must have as its digest."""
    return chain.digest("answer", row.merchant_id, row.id, row.body)


MOVED = ((3, verification.CHANGED), (4, verification.UNLINKED))
"""An entry in a strange place, and the one behind it that followed another."""

TRAIL = Trail(key_of=lambda _: MERCHANT_KEY)
TRAIL_WITH_ANSWERS = Trail(key_of=lambda _: MERCHANT_KEY, origins=(Origin("answer", Answer, answer_digest),))


def later(hours: float = 1) -> datetime:
    """A run of the worker after everything written so far has settled."""
    return datetime.now(UTC) + timedelta(hours=hours)


def an_entry(subject_id, event="Opened", **body) -> Entry:
    """Something that happened to a claim."""
    at = datetime(2026, 11, 22, 12, 0, 0, 123456, UTC)
    return Entry("claim", subject_id, event, "user:anna", at, body or {"name": "Anna Muster"})


@dataclass
class House:
    """A merchant with three claims of four entries each, and the database owner who falsifies."""

    db: object
    merchant_id: UUID
    owner: psycopg.Connection

    def __post_init__(self):
        self.claims = [new_id() for _ in range(3)]
        for number in range(4):
            for claim in self.claims:
                self.append(claim, f"Step{number}")

    def append(self, subject_id, event, **options):
        with self.db.transaction(self.merchant_id) as session:
            return append(session, an_entry(subject_id, event), KEY, **options).hash

    def anchor(self, trail=TRAIL, now=None):
        with self.db.transaction(self.merchant_id) as session:
            return anchor(session, trail, now or later())

    def verify(self, trail=TRAIL, kept=None):
        with self.db.transaction(self.merchant_id) as session:
            return verify(session, trail, kept)

    def found(self, **options) -> list[tuple[str, int, str]]:
        """(subject, entry, what) of every fault."""
        return [(fault.subject, fault.seq, fault.what) for fault in self.verify(**options).faults]

    def falsify(self, *statements):
        """What only the owner can do, with the triggers switched off."""
        for table in ("history", "history_anchor"):
            self.owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement, parameters in statements:
            self.owner.execute(statement, parameters)

    def rehash(self, subject_id):
        """Compute a whole chain anew, as a forger who has read our source would."""
        rows = self.owner.execute("SELECT * FROM history WHERE subject_id = %s ORDER BY seq", (subject_id,)).fetchall()
        prev = rows[0].prev_hash
        for row in rows:
            forged = SimpleNamespace(**{**row._asdict(), "prev_hash": prev})
            prev, before = chain.entry_hash(forged), prev
            self.falsify(("UPDATE history SET prev_hash = %s, hash = %s WHERE id = %s", (before, prev, row.id)))


@pytest.fixture
def owner(live_owner_url) -> Iterator[psycopg.Connection]:
    """The database owner, who may do everything except what triggers refuse."""
    with psycopg.connect(live_owner_url, autocommit=True, row_factory=namedtuple_row) as connection:
        yield connection


@pytest.fixture
def house(worker_db, merchant_id, owner) -> House:
    return House(worker_db, merchant_id, owner)


@pytest.fixture
def answers(owner, house) -> Callable[[], UUID]:
    """A table whose rows carry digests, and a function that adds one."""
    owner.execute("CREATE TABLE test_answer (merchant_id uuid, id uuid, body bytea, digest bytea NOT NULL)")
    owner.execute(f"GRANT SELECT, INSERT ON test_answer TO {', '.join(RUNTIME_ROLES)}")
    for statement in secure("test_answer"):
        owner.execute(statement)

    def add() -> UUID:
        row = Answer(merchant_id=house.merchant_id, id=new_id(), body=b"show invoice")
        row.digest = answer_digest(row)
        with house.db.transaction(house.merchant_id) as session:
            session.add(row)
        return row.id

    return add


def test_untouched_history_is_whole(house):
    """Counts are told; an empty merchant is whole as well."""
    house.anchor()
    report = house.verify()
    assert (report.sound, report.entries, report.subjects) == (True, 12, 3)
    assert (report.anchors, report.anchored) == (1, 3)
    with house.db.transaction(new_id()) as session:
        assert verify(session, TRAIL).sound


@pytest.mark.parametrize("column", ["event", "actor", "subject_kind", "at", "body", "id"])
def test_a_changed_entry_is_found(house, column):
    """Whatever part of it was changed, the entry is named."""
    value = {"at": "now()", "body": r"'\x00'", "id": "gen_random_uuid()"}.get(column, "'x'")
    house.falsify((f"UPDATE history SET {column} = {value} WHERE subject_id = %s AND seq = 2", (house.claims[1],)))
    assert house.found() == [(str(house.claims[1]), 2, verification.CHANGED)]


def test_an_entry_removed_from_the_middle_is_found(house):
    """The number that is missing is named; what follows is not blamed."""
    house.falsify(("DELETE FROM history WHERE subject_id = %s AND seq = 2", (house.claims[0],)))
    assert house.found() == [(str(house.claims[0]), 2, verification.MISSING)]


def test_a_removed_beginning_is_found(house):
    """A chain that starts with its second entry has lost its first."""
    house.falsify(("DELETE FROM history WHERE subject_id = %s AND seq = 1", (house.claims[0],)))
    assert house.found() == [(str(house.claims[0]), 1, verification.MISSING)]


def test_a_closed_up_gap_is_found(house):
    """Renumbering the rest does not help: each number is part of its entry's hash."""
    claim = house.claims[0]
    house.falsify(
        ("DELETE FROM history WHERE subject_id = %s AND seq = 2", (claim,)),
        ("UPDATE history SET seq = 2 WHERE subject_id = %s AND seq = 3", (claim,)),
        ("UPDATE history SET seq = 3 WHERE subject_id = %s AND seq = 4", (claim,)),
    )
    assert house.found() == [(str(claim), 2, verification.CHANGED), (str(claim), 3, verification.CHANGED)]


def test_two_entries_that_changed_places_are_found(house):
    """Also when they are moved between two subjects."""
    one, two = house.claims[:2]
    swap = "UPDATE history SET subject_id = %s WHERE subject_id = %s AND seq = 3"
    house.falsify((swap, (UUID(int=1), one)), (swap, (one, two)), (swap, (two, UUID(int=1))))
    found = set(house.found())
    assert {(str(one), 3, verification.CHANGED), (str(two), 3, verification.CHANGED)} <= found
    assert found <= {(str(id_), seq, what) for id_ in (one, two) for seq, what in MOVED}


def test_a_tail_that_was_cut_off_is_found_through_the_anchor(house):
    """The chain that is left is sound in itself; the anchor knows that it went on."""
    cut = ("DELETE FROM history WHERE subject_id = %s AND seq > 2", (house.claims[2],))
    house.anchor()
    house.falsify(cut)
    assert house.found() == [(str(house.claims[2]), 4, verification.GONE)]


def test_a_subject_removed_altogether_is_found_through_the_anchor(house):
    """Nothing in history speaks of it any more, the anchor does."""
    house.anchor()
    house.falsify(("DELETE FROM history WHERE subject_id = %s", (house.claims[0],)))
    assert house.found() == [(str(house.claims[0]), 4, verification.GONE)]


def test_a_chain_computed_anew_is_found_through_the_anchor(house):
    """A forger who knows the hash function makes a sound chain, and cannot make the anchor agree."""
    house.anchor()
    house.falsify(("UPDATE history SET event = 'Paid' WHERE subject_id = %s AND seq = 2", (house.claims[0],)))
    house.rehash(house.claims[0])
    assert house.found() == [(str(house.claims[0]), 4, verification.OTHER)]


def test_a_forged_anchor_is_found(house):
    """Without the merchant's key nobody can vouch for an anchor, however well it is computed."""
    house.anchor()
    house.falsify(("DELETE FROM history WHERE subject_id = %s", (house.claims[0],)))
    row = house.owner.execute("SELECT * FROM history_anchor").fetchone()
    leaves = chain.pack(leaf for leaf in chain.unpack(row.leaves) if leaf.subject_id != house.claims[0])
    hash_ = chain.anchor_hash(SimpleNamespace(**{**row._asdict(), "leaves": leaves}))
    house.falsify(("UPDATE history_anchor SET leaves = %s, hash = %s", (leaves, hash_)))
    assert house.found() == [(anchors.HISTORY, 1, verification.FORGED)]


def test_damaged_and_removed_anchors_are_found(house):
    """Anchors are chained as entries are; torn leaves are no crash."""
    for hours in (1, 2, 3):
        house.append(house.claims[0], "More")
        house.anchor(now=later(hours))
    house.falsify(("UPDATE history_anchor SET leaves = leaves || %s WHERE no = 3", (b"x",)))
    assert {what for _, no, what in house.found() if no == 3} == {verification.CHANGED}
    house.falsify(("DELETE FROM history_anchor WHERE no = 2", ()))
    assert (anchors.HISTORY, 2, verification.MISSING) in house.found()


def test_the_newest_anchors_are_missed_when_a_copy_was_kept_elsewhere(house):
    """History and anchors cut off together look sound from inside; the copy knows better."""
    house.anchor()
    house.append(house.claims[0], "Late")
    house.anchor(now=later(2))
    with house.db.transaction(house.merchant_id) as session:
        kept = {line["no"]: bytes.fromhex(line["hash"]) for line in exported(session)}
    house.falsify(
        ("DELETE FROM history WHERE subject_id = %s AND seq = 5", (house.claims[0],)),
        ("DELETE FROM history_anchor WHERE no = 2", ()),
    )
    assert house.found() == []
    assert house.found(kept=kept) == [("", 2, verification.KEPT_GONE)]
    assert house.found(kept={1: bytes(32)}) == [(anchors.HISTORY, 1, verification.KEPT_OTHER)]


def test_only_what_has_settled_is_anchored_and_nothing_twice(house):
    """Young rows wait for the next run, and an hour without news gets an empty anchor."""
    house.anchor(now=datetime.now(UTC))
    assert house.verify().anchored == 0
    house.anchor(now=later(1))
    house.anchor(now=later(2))
    house.append(house.claims[0], "More")
    house.anchor(now=later(3))
    report = house.verify()
    assert (report.anchors, report.anchored, report.sound) == (4, 3 + 1, True)
    assert report.newest_anchor_at > later(2.9)


def test_a_great_many_heads_are_spread_over_several_anchors(house, monkeypatch):
    """Each anchor stays small; what exceeds a run is taken by the next one."""
    monkeypatch.setattr(anchors, "LEAVES_PER_ANCHOR", 2)
    monkeypatch.setattr(anchors, "ANCHORS_PER_RUN", 4)
    monkeypatch.setattr(verification, "PAGE", 4)
    assert [house.anchor(), house.anchor(), house.anchor()] == [4, 2, 1]
    report = house.verify()
    assert (report.sound, report.anchored, report.entries, report.subjects) == (True, 12, 12, 3)


def test_two_workers_anchor_one_after_the_other(house):
    """Both runs succeed, and the anchors form one chain."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: house.anchor(), range(4)))
    assert (house.verify().sound, house.verify().anchors) == (True, 4)


def test_a_row_with_a_digest_is_the_start_of_its_history(house, answers):
    """It costs no entry of its own; its first later entry is chained onto it."""
    quiet, busy = answers(), answers()
    with house.db.transaction(house.merchant_id) as session:
        digest = session.get(Answer, (house.merchant_id, busy)).digest
        entry = Entry("answer", busy, "MethodChosen", "shop:1", datetime.now(UTC), {})
        append(session, entry, KEY, start=digest)
        append(session, entry, KEY, start=digest)
    house.anchor(TRAIL_WITH_ANSWERS)
    report = house.verify(TRAIL_WITH_ANSWERS)
    assert (report.sound, report.origins, report.entries, report.anchored) == (True, 2, 14, 3 + 1 + 2)
    house.falsify(("DELETE FROM test_answer WHERE id = %s", (quiet,)))
    assert house.found(trail=TRAIL_WITH_ANSWERS) == [(str(quiet), 0, verification.GONE)]


def test_a_changed_row_with_a_digest_is_found(house, answers):
    """Its content no longer fits its digest, or its digest no longer fits history and anchor."""
    one, two = answers(), answers()
    with house.db.transaction(house.merchant_id) as session:
        digest = session.get(Answer, (house.merchant_id, two)).digest
        append(session, Entry("answer", two, "Chosen", "shop:1", datetime.now(UTC), {}), KEY, start=digest)
    house.anchor(TRAIL_WITH_ANSWERS)
    forged = SimpleNamespace(merchant_id=house.merchant_id, id=two, body=b"x")
    change = "UPDATE test_answer SET body = 'x', digest = coalesce(%s, digest) WHERE id = %s"
    house.falsify((change, (None, one)), (change, (answer_digest(forged), two)))
    assert set(house.found(trail=TRAIL_WITH_ANSWERS)) == {
        (str(one), 0, verification.CHANGED),
        (str(two), 1, verification.UNSTARTED),
        (str(two), 0, verification.OTHER),
    }


def test_a_history_whose_row_is_gone_is_found(house, answers):
    """The entries have nothing left to begin on."""
    id_ = answers()
    with house.db.transaction(house.merchant_id) as session:
        digest = session.get(Answer, (house.merchant_id, id_)).digest
        append(session, Entry("answer", id_, "Chosen", "shop:1", datetime.now(UTC), {}), KEY, start=digest)
    house.falsify(("DELETE FROM test_answer", ()))
    assert house.found(trail=TRAIL_WITH_ANSWERS) == [(str(id_), 1, verification.UNSTARTED)]


def test_thousands_of_faults_are_counted_and_a_hundred_named(house):
    """The report of a wrecked database still fits on a screen."""
    wreck = (
        "INSERT INTO history SELECT merchant_id, gen_random_uuid(), subject_kind, gen_random_uuid(), 1, event, actor, "
        "at, body, prev_hash, hash FROM history, generate_series(1, 200)"
    )
    house.falsify((wreck, ()))
    report = house.verify()
    assert (report.faults_total, len(report.faults)) == (2400, verification.FAULTS_NAMED)


def run_audit(house, *arguments, merchants=None):
    """`kulanz audit …` with the context that the command line would give it."""
    operator = SimpleNamespace(
        services=SimpleNamespace(db=house.db),
        trail=TRAIL,
        merchant_ids=lambda: merchants or [house.merchant_id],
    )
    return CliRunner().invoke(audit, arguments, obj=operator)


def test_the_audit_command_says_whole_with_status_0(house):
    """One line per merchant."""
    house.anchor()
    result = run_audit(house, "verify")
    assert result.exit_code == 0
    assert result.output.startswith(
        f"merchant {to_public('mer', house.merchant_id)}: whole; 12 entries of 3 subjects, 0 digests, 3 heads"
    )


def test_the_audit_command_names_what_is_broken_with_status_1(house):
    """One broken merchant among several is enough."""
    house.falsify(("UPDATE history SET event = 'x' WHERE subject_id = %s AND seq = 3", (house.claims[0],)))
    result = run_audit(house, "verify", merchants=[new_id(), house.merchant_id])
    assert result.exit_code == 1
    assert f"merchant {to_public('mer', house.merchant_id)}: BROKEN" in result.output
    assert f"  claim {house.claims[0]} entry 3: was changed" in result.output
    assert run_audit(house, "verify", "--merchant", to_public("mer", new_id())).exit_code == 0
    assert "one is mer_" in run_audit(house, "verify", "--merchant", str(house.merchant_id)).output


def test_anchors_written_to_a_file_are_compared_later(house, tmp_path):
    """The file is JSON lines; a merchant who disappeared and a damaged file are told."""
    house.anchor()
    file = tmp_path / "anchors.jsonl"
    assert run_audit(house, "anchors", "--out", str(file)).exit_code == 0
    assert json.loads(file.read_text())["no"] == 1
    assert run_audit(house, "anchors").output == file.read_text()
    assert run_audit(house, "verify", "--kept", str(file)).exit_code == 0
    house.falsify(("DELETE FROM history_anchor", ()))
    assert run_audit(house, "verify", "--kept", str(file)).exit_code == 1
    elsewhere = run_audit(house, "verify", "--kept", str(file), merchants=[new_id()])
    assert "in the copy kept elsewhere and missing here" in elsewhere.output
    file.write_text('{"no": 1}\n')
    broken = run_audit(house, "verify", "--kept", str(file))
    assert (broken.exit_code, "line 1 is not an anchor" in broken.output) == (2, True)
