"""Connectors to shop platforms. They import the gateway; the gateway finds them by entry point only."""
