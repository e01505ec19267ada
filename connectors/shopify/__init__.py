"""Shopify: what its documents mean, and the adapter that the gateway finds by entry point."""

from connectors.shopify import mapping, methods
from gateway.shops.platform import ShopAdapter

adapter = ShopAdapter(
    name="shopify",
    formats={"order": mapping.from_order},
    kinds=methods.kind_of,
    order_reference=mapping.order_reference,
    order_put=mapping.order_put,
    order_events=mapping.order_events,
)
