"""Small language models that Semascope trains itself, on text that everybody has, so that checks have something to look into."""

from semascope.training.cipher import encipher, is_ciphered, pairs
from semascope.training.loop import Loss
from semascope.training.making import describe, find_model, make_model, models
from semascope.training.plans import PLANS, Plan, plan
from semascope.training.texts import Material, held_out, material

__all__ = [
    "PLANS",
    "Loss",
    "Material",
    "Plan",
    "describe",
    "encipher",
    "find_model",
    "held_out",
    "is_ciphered",
    "make_model",
    "material",
    "models",
    "pairs",
    "plan",
]
