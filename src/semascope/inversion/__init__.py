"""Attacks on vectors: what can be read off them about the texts they were made of."""
