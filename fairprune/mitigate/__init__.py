"""What is done to a compressed model so that nobody pays for it."""
