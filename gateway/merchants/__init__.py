"""The tenant: merchants, their users, keys and versioned policies."""
