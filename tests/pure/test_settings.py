"""Settings that cannot be meant are told by name, before anything is started with them."""

import pytest

from gateway import config
from gateway.core.crypto import Keyring


@pytest.mark.parametrize("port", ["0", "65536", "99999", "-1", "http"])
def test_a_port_that_no_server_can_have_is_named(port):
    """PORT=99999 is a slip of the finger, not an error of the system."""
    with pytest.raises(config.SettingMissing, match="PORT"):
        config.load({"PORT": port})


def test_the_first_and_the_last_port_are_ports():
    """The bounds belong to the range."""
    assert [config.load({"PORT": port}).port for port in ("1", "65535", "")] == [1, 65535, 8000]


@pytest.mark.parametrize("keys", ["k1", "k1:abc", "k1:!!", ":x", "k1:" + "A" * 43 + "=,", "x y:aaaa"])
def test_master_keys_that_are_none_are_a_wrong_setting(keys):
    """In one line that shows no key."""
    with pytest.raises(config.SettingMissing, match="KULANZ_MASTER_KEYS cannot be read") as told:
        config.load({"KULANZ_MASTER_KEYS": keys})
    assert "\n" not in str(told.value)


def test_master_keys_that_can_be_read_are_taken_as_they_are():
    """Also none: the embedded servers bring their own."""
    two = f"{Keyring.generate('k2')},{Keyring.generate('k1')}"
    assert config.load({"KULANZ_MASTER_KEYS": two}).master_keys == two
    assert config.load({}).master_keys == ""
