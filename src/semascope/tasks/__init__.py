"""Tasks: what an encoder is to be good at. Texts and judgements; vectors in, scores out.

from semascope.metrics import score
from semascope.tasks import Similarity
score(encoder, Similarity("mine", pairs=[("a cat", "one cat"), ("a cat", "a tax")], scores=[5, 1]))
"""

from semascope.tasks.analogies import Analogy
from semascope.tasks.chance import Guesses, chance
from semascope.tasks.classification import Classification
from semascope.tasks.clustering import Clustering
from semascope.tasks.matching import PairMatching
from semascope.tasks.reranking import Reranking
from semascope.tasks.retrieval import Retrieval
from semascope.tasks.similarity import Similarity
from semascope.tasks.words import WordSimilarity

__all__ = [
    "Analogy",
    "Classification",
    "Clustering",
    "Guesses",
    "PairMatching",
    "Reranking",
    "Retrieval",
    "Similarity",
    "WordSimilarity",
    "chance",
]
