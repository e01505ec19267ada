"""Plumbing without a business word: money, time, database, work, messages, secrets."""
