"""Who is counted when proxies stand between: the visitor, as far as the operator vouches for it."""

import pytest

from gateway.app import create_app
from gateway.core.limits import network_of
from tests.desk_visits import Visitor


def statuses(app, *forwarded: str) -> list[int]:
    """Of tries to sign in with these values of X-Forwarded-For."""
    client = Visitor(app).client
    sent = [client.post("/admin/login", data={}, headers={"X-Forwarded-For": value}) for value in forwarded]
    return [answer.status_code for answer in sent]


def test_visitors_behind_a_trusted_proxy_have_limits_of_their_own(services):
    """The last entry is the proxy's word; what stands before it anybody can write."""
    app = create_app(services, trusted_proxies=1)
    busy = [f"198.51.100.{number}, 203.0.113.9" for number in range(21)]
    assert statuses(app, *busy)[-1] == 429
    assert statuses(app, "203.0.113.10") == [400]


def test_without_a_trusted_proxy_nobody_chooses_his_own_address(app):
    """X-Forwarded-For is not believed."""
    assert statuses(app, *(f"203.0.113.{number}" for number in range(21)))[-1] == 429


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        (None, ""),
        ("unix", "unix"),
    ],
)
def test_an_ipv6_address_counts_as_its_network(address, network):
    """One customer has 2^64 of them."""
    assert network_of(address) == network
