"""Vectors to better or smaller vectors, learned from vectors. Each file is one way; see `semascope.estimator`."""
