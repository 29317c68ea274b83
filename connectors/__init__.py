"""What third parties write, and what serves them."""
