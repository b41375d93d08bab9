"""Doctor: what made these vectors, and what is wrong with them."""
