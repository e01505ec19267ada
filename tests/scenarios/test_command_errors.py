"""What goes wrong before a command can work is one line and status 2, not a stack trace."""

import pytest

from gateway.core.crypto import Keyring
from tests.scenarios.processes import python

KULANZ = ("-c", "from gateway.cli import run; run()")
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
COMPLETE = {
    "DATABASE_URL": NOWHERE,
    "DATABASE_OWNER_URL": NOWHERE,
    "REDIS_URL": "redis://127.0.0.1:1",
    "KULANZ_MASTER_KEYS": Keyring.generate(),
    "KULANZ_SESSION_SECRET": "secret",
}
CASES = {
    "unavailable: the database does not answer": {},
    "KULANZ_MASTER_KEYS cannot be read": {"KULANZ_MASTER_KEYS": "k1:short"},
    "PORT must be between 1 and 65535": {"PORT": "70000"},
}


@pytest.mark.slow
@pytest.mark.parametrize("words", [("migrate",), ("merchant", "list"), ("backup", "/tmp/none.kulanz")])
@pytest.mark.parametrize("told", CASES)
def test_a_wrong_setting_is_told_in_one_line(words, told):
    """Whatever the command was going to do."""
    with python(*KULANZ, *words, env={**COMPLETE, **CASES[told]}) as process:
        _, text = process.communicate(timeout=60)
    assert process.returncode == 2
    assert text.startswith(told)
    assert text.count("\n") == 1
