"""What a person points a verb at: a matrix of vectors, a Space, a corpus or a database query, as rows held in memory."""

from semascope.subject.corpora import open_corpus
from semascope.subject.matrix import Matrix, open_matrix
from semascope.subject.opening import open_subject
from semascope.subject.rows import Subject
from semascope.subject.sql import is_database, shown

__all__ = ["Matrix", "Subject", "is_database", "open_corpus", "open_matrix", "open_subject", "shown"]
