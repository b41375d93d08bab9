"""Texts to vectors: the bundled default, saved folders, recipes, and other libraries' encoders."""

from semascope.encoders.adapters import CallableEncoder, SentenceTransformersEncoder, as_encoder
from semascope.encoders.factory import Available, Encoder, available, best
from semascope.encoders.ngrams import NGrams
from semascope.encoders.pipeline import PipelineEncoder, Recipe
from semascope.encoders.saved import save
from semascope.encoders.static import EmptyTextWarning, StaticEncoder

__all__ = [
    "Available",
    "CallableEncoder",
    "EmptyTextWarning",
    "Encoder",
    "NGrams",
    "PipelineEncoder",
    "Recipe",
    "SentenceTransformersEncoder",
    "StaticEncoder",
    "as_encoder",
    "available",
    "best",
    "save",
]
