"""WooCommerce: what its documents mean, and the adapter that the gateway finds by entry point."""

from connectors.woocommerce import mapping, methods
from gateway.shops.platform import ShopAdapter

adapter = ShopAdapter(
    name="woocommerce",
    formats={"cart": mapping.from_store_api_cart, "order": mapping.from_rest_order},
    kinds=methods.kind_of,
    order_reference=mapping.order_reference,
    order_put=mapping.order_put,
    order_events=mapping.order_events,
)
