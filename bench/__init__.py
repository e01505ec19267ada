"""Measurements against the budgets: `python -m bench` prints them and writes docs/benchmarks.md."""
