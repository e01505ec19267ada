"""Replaying a file of past orders through facts, score and policy: what the policy would have shown, and what it is worth."""
