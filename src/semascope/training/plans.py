"""What the small models are: sizes, text, steps. Change a number here and the model is another one, made anew when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

from semascope.errors import UnknownNameError

Objective = Literal["causal", "masked", "denoising"]


@dataclass(frozen=True)
class Plan:
    """How one small model is made.

    Args:
        name: What it is called.
        says: One sentence for the list of models.
        objective: What it learns: the next token, the masked tokens, or the spans that were taken out.
        layers: Blocks (of the encoder and of the decoder each, where there are both).
        dim: Width of a token's state.
        heads: Attention heads.
        inner: Width of the feed-forward layers.
        vocabulary: Tokens, special ones included (for a ciphered model: of each language).
        window: Tokens that are read together in training; for a masked model also the most it can read.
        batch: Windows of a step.
        steps: Steps of the usual run.
        rate: Highest learning rate, reached after the first steps and left along a cosine.
        repeated: Share of a causal model's windows that say each text twice.
        masked: Share of tokens that a masked or denoising model has to find.
        counted: Whether its token vectors begin as counting neighbours gives them (see `counted`), not at random.
        ciphered: Whether half of the texts are read in the second language (see `cipher`).
        placed: Whether a masked model is told where its tokens stand; without, its position vectors are and stay zero.
    """

    name: str
    says: str
    objective: Objective
    layers: int
    dim: int
    heads: int
    inner: int
    vocabulary: int
    window: int
    batch: int
    steps: int
    rate: float
    repeated: float = 0.0
    masked: float = 0.0
    counted: bool = False
    ciphered: bool = False
    placed: bool = True

    def settings(self) -> dict[str, Any]:
        """Everything that makes the model what it is, without its name and sentence, as plain values."""
        # Models made before there was a choice are the same models: `placed` is said where it is not as usual.
        left = ("name", "says", *(("placed",) if self.placed else ()))
        return {key: value for key, value in asdict(self).items() if key not in left}


_ALL = (
    Plan(
        name="tiny_gpt",
        says="reads left to right; half of its windows say each text twice, so that it copies",
        objective="causal",
        layers=4, dim=192, heads=4, inner=512,
        vocabulary=4096, window=128, batch=8, steps=1500, rate=2e-3,
        repeated=0.5, counted=True,
    ),
    Plan(
        name="tiny_bert",
        says="fills in masked words",
        objective="masked",
        layers=4, dim=192, heads=4, inner=768,
        vocabulary=6144, window=128, batch=64, steps=1200, rate=1.5e-3,
        masked=0.25, counted=True,
    ),
    Plan(
        name="tiny_seq2seq",
        says="gives back what was taken out of a text: an encoder and a decoder",
        objective="denoising",
        layers=3, dim=192, heads=6, inner=512,
        vocabulary=4096, window=128, batch=8, steps=1500, rate=2e-3,
        masked=0.15, counted=True,
    ),
    Plan(
        name="tiny_gpt_ciphered",
        says="reads left to right in two languages: English, and English enciphered, of different texts",
        objective="causal",
        layers=4, dim=192, heads=4, inner=512,
        vocabulary=3072, window=128, batch=8, steps=1500, rate=2e-3,
        ciphered=True,
    ),
    Plan(
        name="tiny_bert_placeless",
        says="fills in masked words without being told where tokens stand; otherwise tiny_bert",
        objective="masked",
        layers=4, dim=192, heads=4, inner=768,
        vocabulary=6144, window=128, batch=64, steps=1200, rate=1.5e-3,
        masked=0.25, counted=True, placed=False,
    ),
)  # fmt: skip

PLANS: Mapping[str, Plan] = MappingProxyType({plan.name: plan for plan in _ALL})


def plan(name: str) -> Plan:
    """The plan of that name.

    Raises:
        UnknownNameError: there is none; those there are are named.
    """
    if name not in PLANS:
        raise UnknownNameError(f"name: want one of {', '.join(PLANS)}; got {name!r}")
    return PLANS[name]
