"""The shield is not turned against its shop: one visitor's declines are his own trouble."""

from gateway.risk import shield
from tests.features.test_shield import attack, now, shop

__all__ = ["shop"]


def test_one_visitor_cannot_take_the_cards_from_everybody(shop):
    """A competitor with a list of dead cards loses his own card methods; a stranger who comes to buy keeps his."""
    attack(shop, lambda _: "203.0.113.9", 60, every_s=2)
    assert shield.surge_of(shop.services.cache, shop.world.merchant_id, shop.world.shop_id, now(shop)) is None
    assert shop.kinds("192.0.2.5", "stranger") == {"card", "card_3ds"}


def test_reports_without_a_connection_count_all_the_same(shop):
    """A provider that does not know the buyer's address: nothing tells one visitor from many."""
    for number in range(12):
        shop.report(f"stolen-{number}", "declined", reference=f"order-{number}")
    assert shop.kinds("192.0.2.5", "stranger") == {"card_3ds"}
