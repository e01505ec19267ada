"""What is known about a buyer and an order, and what it means: facts, velocity, score."""
