"""Which recipe should be shipped: a thousand of them scored from one pass over the model."""
