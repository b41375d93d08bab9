"""Say the same otherwise: texts with slips of the keyboard, in other letters' case, with synonyms, with other small words.

Every function takes texts and gives as many back. What becomes of a text hangs on the text, the options
and the seed alone: not on its neighbours, so that a text that stands twice is reworded alike, and so that texts can be reworded in
parts.
"""

from semascope.ops.rewording.cases import CASES, cases
from semascope.ops.rewording.phrases import phrases
from semascope.ops.rewording.slips import SLIPS, typos
from semascope.ops.rewording.synonyms import paraphrases, synonyms
from semascope.ops.rewording.thesaurus import Thesaurus, small_thesaurus, thesaurus, wordnet_thesaurus

__all__ = [
    "CASES",
    "SLIPS",
    "Thesaurus",
    "cases",
    "paraphrases",
    "phrases",
    "small_thesaurus",
    "synonyms",
    "thesaurus",
    "typos",
    "wordnet_thesaurus",
]
