"""Ways from a text to a vector that run the model themselves: read twice, patched, answering, continuing."""
