"""A shop to try: change buyer, basket and address and watch the menu change."""
