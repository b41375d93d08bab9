"""Token vectors to one vector per text. Each file is one way of doing it; see `semascope.types.Pooling` for the shape."""
