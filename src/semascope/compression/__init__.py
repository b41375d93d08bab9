"""Vectors to small codes and back. Each file is one way; `transform` gives what is left, `encode_codes` the bytes."""
