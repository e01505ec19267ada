"""Storefronts, their buyers and their orders as facts."""
