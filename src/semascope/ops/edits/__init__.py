"""Small edits of a sentence that change what it says: negation, numbers, names, order of words, roles, opposites.

Every function takes one sentence and a generator, and gives the edited sentence or None where it knows no safe edit: it is
rather not edited than edited into something that means the same, or nothing at all. Negation, roles and opposites are English;
numbers and order work in any language, names in those that write them with capitals.
"""

from semascope.ops.edits.antonyms import opposed
from semascope.ops.edits.entities import Entities
from semascope.ops.edits.negation import negated
from semascope.ops.edits.numbers import renumbered
from semascope.ops.edits.order import shuffled
from semascope.ops.edits.roles import turned
from semascope.ops.edits.triplets import KINDS, Triplet, triplets
from semascope.ops.english import reads, sentences

__all__ = [
    "KINDS",
    "Entities",
    "Triplet",
    "negated",
    "opposed",
    "reads",
    "renumbered",
    "sentences",
    "shuffled",
    "triplets",
    "turned",
]
