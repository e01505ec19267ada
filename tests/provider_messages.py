"""Messages of payment providers for tests: payloads from the shared fixtures, goldens of our own facts, a recorded net."""

import json
import os
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from gateway.core.inbox import Proof
from gateway.payments.calls import Heard, _judged
from gateway.payments.facts import details
from gateway.payments.providers import Account, Message

FIXTURES = Path(__file__).resolve().parents[2] / "shared" / "fixtures"
GOLDENS = Path(__file__).resolve().parent / "providers" / "goldens"
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def fixture(name):
    """The bytes of a shared fixture; without it the test says what it lacks."""
    path = FIXTURES / name
    if not path.exists():
        pytest.skip(f"shared fixture {name} is absent")
    return path.read_bytes()


def fixture_json(name):
    return json.loads(fixture(name))


def fixture_names(folder):
    """What there is of a folder; one name that skips where nothing is."""
    found = sorted(path.name for path in (FIXTURES / folder).glob("*.json"))
    return found or ["absent.json"]


class Recorded:
    """A provider's interface that answers from a table of (method, path) and remembers what it was asked."""

    def __init__(self, answers=()):
        self.answers, self.asked, self.allow_private = dict(answers), [], False
        self._kept, self.roots = {}, None

    def kept(self, name, now):
        return self._kept.get(name)

    def keep(self, name, value, until):
        self._kept[name] = value

    def ask(self, call):
        return self.fetch(call).document()

    def fetch(self, call):
        path = "/" + call.url.split("/", 3)[3]
        self.asked.append(call)
        status, answer = self.answers.get((call.method, path), (404, {"error": {"code": "not_found"}}))
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return _judged(Heard(status, body), "")


def an_account(settings, *, live=True, answers=()):
    return Account(live, MappingProxyType(dict(settings)), Recorded(answers))


def a_message(body, headers=None, *, at=NOW, proof=Proof.SIGNED):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message({name.lower(): value for name, value in (headers or {}).items()}, raw, at, proof)


def told(fact):
    """A fact as a golden has it: what it says, without what is empty."""
    common = {
        "kind": fact.kind,
        "key": fact.key,
        "payment": fact.payment,
        "item": fact.item,
        "amount": f"{fact.amount_minor} {fact.currency}" if fact.amount_minor is not None else "",
        "at": fact.occurred_at.isoformat(),
        "reference": fact.reference,
        "order": fact.order,
        "method": fact.method,
        "proven": "" if fact.proven else "no",
    }
    return {name: value for name, value in {**common, **details(fact)}.items() if value not in ("", None)}


def check_golden(provider, name, facts):
    """What was read is what was read and looked at before; `KULANZ_WRITE_GOLDENS=1` writes it anew."""
    path = GOLDENS / f"{provider}.json"
    golden = json.loads(path.read_text()) if path.exists() else {}
    if os.environ.get("KULANZ_WRITE_GOLDENS"):
        golden[name] = [told(fact) for fact in facts]
        path.write_text(json.dumps(dict(sorted(golden.items())), indent=1, ensure_ascii=False) + "\n")
    assert [told(fact) for fact in facts] == golden[name]


@contextmanager
def an_interface(answers, asked=None):
    """A provider's interface on this machine: (method, path) → status and document; `asked` collects headers and bodies."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if asked is not None:
                asked.append((self.path, dict(self.headers), body))
            status, document = answers.get((self.command, self.path), (404, {}))
            if status:
                self._answer(status, json.dumps(document).encode())

        do_POST = do_GET  # noqa: N815 - as the standard library calls it

        def _answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "7")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
