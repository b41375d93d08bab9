"""Corpora: rows of text from files, folders and iterables, streamed and never held all at once."""

from semascope.corpus.columns import Columns
from semascope.corpus.corpus import Corpus, Estimate, as_corpus
from semascope.corpus.document import Document, clean
from semascope.corpus.passages import passages
from semascope.corpus.problems import Problem, Problems
from semascope.corpus.readers import FORMATS

__all__ = [
    "FORMATS",
    "Columns",
    "Corpus",
    "Document",
    "Estimate",
    "Problem",
    "Problems",
    "as_corpus",
    "clean",
    "passages",
]
