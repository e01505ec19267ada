"""Goods that come back: announced, received, settled; what they do to claims, and what is told of them."""
