"""The shape of a cloud of vectors, or of every layer of a model."""
