"""Training: one update, and the loop of them."""
