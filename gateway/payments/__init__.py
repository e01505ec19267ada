"""Payments: what providers and banks tell of money, in our words, and what we ask of them."""
