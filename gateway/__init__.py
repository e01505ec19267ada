"""Kulanz: which payment methods are safe to show, and responsibility for the answer afterwards."""

__version__ = "0.1.0"
