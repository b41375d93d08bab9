"""Methods that make a table of token vectors, so that adding up rows is all there is to encoding."""
