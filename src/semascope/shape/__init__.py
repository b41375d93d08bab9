"""The shape of a cloud of vectors, of two clouds of the same items, or of every layer of a model."""

from semascope.shape.by_layer import layers
from semascope.shape.one import shape
from semascope.shape.two import alike

__all__ = ["alike", "layers", "shape"]
