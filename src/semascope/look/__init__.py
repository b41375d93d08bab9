"""Look: what is in a corpus, as one page that needs nothing but a browser."""
