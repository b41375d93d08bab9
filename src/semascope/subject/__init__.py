"""What a person points a verb at: a matrix of vectors, a Space, a corpus or a database query, as rows held in memory."""

from semascope.subject.matrix import Matrix, open_matrix
from semascope.subject.opening import open_subject
from semascope.subject.rows import Subject

__all__ = ["Matrix", "Subject", "open_matrix", "open_subject"]
