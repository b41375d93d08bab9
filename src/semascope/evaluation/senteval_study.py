"""What of its sentences an encoder's vectors hold: length, words, word order, tense, number, a word out of place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError
from semascope.lab import Lab
from semascope.ops import Interval, integer, option, unit
from semascope.ops import texts as checked_texts
from semascope.ops.layer_reading import read_every_layer
from semascope.ops.probing import PROBES, Question, probed, question
from semascope.ops.questions import QUESTIONS, Limits
from semascope.types import Array

_LAYER = 3  # of MiniLM, the one whose word order the claim is about


@dataclass(frozen=True)
class SentevalStudy:
    """A suite of probes, each with its control task, built from anybody's own sentences.

    "length": which of six bins the number of words is in. "word": which of `n_words` words of middling frequency it holds.
    "order": whether two neighbouring words were exchanged. "tense": whether its verb is past or present. "number": whether the
    first noun after "the" is one or many. "opening": which of the five commonest words it begins with. "odd word": whether a
    word was replaced by one as common, with the same ending. "clauses": whether the two halves around its one conjunction were
    exchanged. Tense and number know English alone; a question for which there are too few sentences is not asked.

    Args:
        probe: "linear", a discriminant; or "mlp", a network of 50 hidden units.
        n_words: Words to tell apart.
        least: Sentences that a question needs.
        most: Sentences that a question takes.
        random_state: Of everything drawn.
    """

    probe: str = "linear"
    n_words: int = 20
    least: int = 100
    most: int = 2000
    random_state: int = 0

    reads: ClassVar[str] = "texts"

    def measure(self, encoder: Any, sentences: Sequence[str]) -> dict[str, Interval]:
        """For each question "QUESTION: right", "majority", "control" and "selectivity" (see `judge`); and "dimension".

        A wide vector helps a probe: the dimension is to be read beside all else.

        Args:
            encoder: Anything with our `encode`.
            sentences: Texts of one sentence each.

        Raises:
            InputError: no question has enough sentences.
        """
        asked = self.questions(sentences)
        every = list(dict.fromkeys(text for one in asked.values() for text in one.texts))
        place = {text: at for at, text in enumerate(every)}
        rows = np.asarray(encoder.encode(every))
        found: dict[str, Interval] = {}
        for name, one in asked.items():
            figures = self.judge(one, rows[[place[text] for text in one.texts]])
            found |= {f"{name}: {figure}": value for figure, value in figures.items()}
        wide = float(rows.shape[1])
        return found | {"dimension": Interval(wide, wide, wide, len(every))}

    def questions(self, sentences: Sequence[str]) -> dict[str, Question]:
        """The questions that these sentences allow, by name.

        Sentences of 5 to 28 words are taken, each once; texts that are nearly the same are held out together, and of tense,
        number and odd word all texts with the same verb, noun or word.

        Raises:
            InputError: no question has enough sentences.
        """
        least = integer(self.least, name="least", least=6)
        integer(self.most, name="most", least=least)
        integer(self.n_words, name="n_words", least=2)
        seed = integer(self.random_state, name="random_state", least=0)
        option(self.probe, PROBES, name="probe")
        kept = [
            text for text in dict.fromkeys(checked_texts(sentences, name="sentences")) if 5 <= len(text.split()) <= 28
        ]
        found: dict[str, Question] = {}
        for number, (name, build) in enumerate(QUESTIONS.items()):
            made = build(kept, np.random.default_rng((seed, number)), Limits(self.most, self.n_words))
            if len(made) < least or len({label for _, label, _ in made}) < 2:
                continue
            texts, labels, together = zip(*made, strict=True)
            one = question(name, texts, labels, together=None if together[0] is None else together)
            if len(set(one.groups.tolist())) >= 6:
                found[name] = one
        if not found:
            raise InputError(
                f"sentences: want enough for one question at least ({least} that allow it), got {len(kept)} of 5 to 28 words"
            )
        return found

    def judge(self, asked: Question, rows: Array) -> dict[str, Interval]:
        """The probe on rows (n, d) of a question's texts; see `ops.probing.probed`."""
        return probed(rows, asked, probe=self.probe, seed=self.random_state)

    def transfer(self, encoder: Any, pairs: Sequence[tuple[str, str]], labels: Sequence[str]) -> dict[str, Interval]:
        """The probe on labelled pairs, from how far apart and how alike their vectors are, column by column: |u - v| and u v."""
        if len(pairs) != len(labels):
            raise InputError(f"labels: want one for each of {len(pairs)} pairs, got {len(labels)}")
        one = question("pairs", [" ".join(pair) for pair in pairs], [str(label) for label in labels])
        left, right = (np.asarray(encoder.encode([pair[side] for pair in pairs]), np.float64) for side in (0, 1))
        return self.judge(one, np.concatenate([np.abs(left - right), left * right], axis=1).astype(np.float32))


class _Guess(SentevalStudy):
    """The same without looking at the rows: every answer is the commonest label."""

    def judge(self, asked: Question, rows: Array) -> dict[str, Interval]:
        """As if all rows were equal."""
        return super().judge(asked, np.ones((len(rows), 1), np.float32))


def _summed(encoder: Any, texts: Sequence[str]) -> Array:
    """The sum of the vectors of a text's words, each encoded by itself: knows no order, and its length grows with the text's."""
    split = [text.split() for text in texts]
    place = {word: at for at, word in enumerate(dict.fromkeys(word for own in split for word in own))}
    table = np.asarray(encoder.encode(list(place)), np.float64)
    return np.array([table[[place[word] for word in own]].sum(axis=0) for own in split], np.float32)


def _suite_knows_what_it_asks(lab: Lab, method: Any) -> Evidence:
    """Questions from about 12,000 sentences of docstrings, at most 2,000 texts each, a third held out in turn.

    Baselines: the commonest label; random rows; a sum of word vectors, which knows no order. Margins: of random rows every question is
    right at most 0.05 more often than the commonest label; the sum of word vectors is right on word order for 0.47 to 0.53, on
    words for at least 0.5 (the commonest is one in twenty or so) with at least 0.2 of it selective, and on length 0.2 more often than
    the same sum at length one. Then one layer of MiniLM, its third, named before it is looked at: right on word order for more than
    0.6, and 0.08 more often than layer 0, its embeddings. How selective that is stands beside it and is no part of the claim;
    nor are the other layers. Which of the two parts held is reported (1 or 0).
    """
    first, second = lab.neighbours(4000)
    asked = method.questions([*lab.sentences(4000, words=5), *first, *second])
    found: dict[str, float] = {}
    chance = True
    for name, one in asked.items():
        guess = method.judge(one, lab.rng(3).normal(size=(len(one), 64)).astype(np.float32))
        found[f"{name}, random rows"] = guess["right"].value
        found[f"{name}, commonest"] = guess["majority"].value
        chance = chance and guess["right"].value <= guess["majority"].value + 0.05
    words_ = lab.encoder("default")
    for name in ("word", "order", "length"):
        figures = method.judge(asked[name], _summed(words_, asked[name].texts))
        found |= {
            f"{name}, sum of words, {figure}": figures[figure].value for figure in ("right", "control", "selectivity")
        }
    found["length, at length one"] = method.judge(asked["length"], unit(_summed(words_, asked["length"].texts)))[
        "right"
    ].value
    ok = chance and found["word, sum of words, right"] >= 0.5 and found["word, sum of words, selectivity"] >= 0.2
    ok = ok and abs(found["order, sum of words, right"] - 0.5) <= 0.03
    sound = ok and found["length, sum of words, right"] >= found["length, at length one"] + 0.2
    layers = read_every_layer(lab.encoder("minilm"), asked["order"].texts, paths=False).rows
    for layer in (0, 2, _LAYER, 4, -1):
        figures = method.judge(asked["order"], layers[layer])
        found |= {
            f"order, layer {layer}, {figure}": figures[figure].value for figure in ("right", "control", "selectivity")
        }
        found |= {
            f"order, layer {layer}, selectivity, {side}": getattr(figures["selectivity"], side)
            for side in ("low", "high")
        }
    right = found[f"order, layer {_LAYER}, right"]
    known = right > 0.6 and right >= found["order, layer 0, right"] + 0.08
    found |= {"instrument is sound": float(sound), "order is read off": float(known)}
    return Evidence(sound and known, found)


CARD = Card(
    make=SentevalStudy,
    family="evaluation",
    keys=("senteval-study",),
    papers=(
        Paper(
            "Evaluation of sentence embeddings in downstream and linguistic probing tasks",
            ("Christian S. Perone", "Roberto Silveira", "Thomas S. Paula"),
            2018,
            "https://arxiv.org/abs/1806.06259",
        ),
        Paper(
            "What you can cram into a single vector: Probing sentence embeddings for linguistic properties",
            ("Alexis Conneau", "German Kruszewski", "Guillaume Lample", "Loïc Barrault", "Marco Baroni"),
            2018,
            "https://arxiv.org/abs/1805.01070",
        ),
        Paper(
            "Designing and Interpreting Probes with Control Tasks",
            ("John Hewitt", "Percy Liang"),
            2019,
            "https://arxiv.org/abs/1909.03368",
        ),
    ),
    claim=Claim(
        "A suite built from plain sentences tells encoders apart as it should: random rows know nothing, a sum of words knows words "
        "and length but no order, and off MiniLM's layer 3 word order is read in more than 60 texts of 100, and in 8 more than off its "
        "embeddings. That this is more than a memory of words gives is not claimed.",
        _suite_knows_what_it_asks,
        needs=("encoder:minilm",),
        null=_Guess,
    ),
    example="senteval_study(least=8)",
    notes="SentEval has 100,000 parsed sentences a probe and a network of 50 sigmoid units with dropout; here are a person's own "
    "sentences, cut at spaces, and a linear discriminant unless the network is asked for. Length, word, order, odd word, "
    "clauses, tense and number follow SentLen, WordContent, BigramShift, SOMO, CoordInv, Tense and ObjNum as far as plain text goes: "
    "without a parser a clause is what stands beside the one conjunction, a participle can pass for the past, a noun is what "
    'follows "the", an odd word is exchanged for one with the same ending and half to twice as common. TreeDepth, TopConst and SubjNum '
    'need a parser; "opening" takes the place of TopConst. As there, the texts of one verb, noun or exchanged word are held out '
    "together; so are near copies, which is new. Hewitt and Liang deal labels to word types because they probe words; a "
    "sentence's type is here the commonest of its words that at most one in twenty sentences hold, so that a control task is a task for a "
    "memory of words, and the selectivity of word order is below zero for a bag of words. The first paper's transfer tasks are "
    "`transfer`, on pairs with labels of one's own; its similarity and retrieval tasks are in semascope.tasks. Its "
    "finding that a mean of ELMo's states beats encoders trained on entailment is not looked at: neither is here.",
)
