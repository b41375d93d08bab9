"""Tasks: what an encoder is to be good at. Texts and judgements; vectors in, scores out.

from semascope.metrics import score
from semascope.tasks import Similarity
score(encoder, Similarity("mine", pairs=[("a cat", "one cat"), ("a cat", "a tax")], scores=[5, 1]))
"""

from semascope.tasks.retrieval import Retrieval
from semascope.tasks.similarity import Similarity

__all__ = ["Retrieval", "Similarity"]
