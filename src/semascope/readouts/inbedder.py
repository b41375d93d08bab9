"""Answers as vectors: ask a question of every text, and take the model's state when it begins to answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import OptionError
from semascope.lab import Lab
from semascope.ops import digest, integer, kept, option, pooled, prompted, reads_forward, unit
from semascope.ops import texts as checked_texts
from semascope.types import Model, Tokens, Vectors


@dataclass(frozen=True)
class InBedder:
    """Put text and question into a prompt; the vector is the state that gives the first word of the answer.

    Another question gives other vectors of the same texts. The model should have been trained to answer in a few words.

    Args:
        question: What is asked of every text.
        template: The prompt; holds {text} and {question}.
        state: "first", the prompt's last state, which gives the answer's first token; "answer", the mean of the states
            that give its tokens; "prompt", the mean of the prompt's other states.
        layer: Whose states are read.
        most: Tokens of an answer.
        temperature: Of sampling an answer; 0 takes the likeliest token each time.
        top_p: Share of the likeliest tokens sampled from.
        seed: Of sampling.
    """

    question: str = "What is this about?"
    template: str = "### Input:\n{text}\n\n### Instruction:\n{question}\n\n### Response:"
    state: Literal["first", "answer", "prompt"] = "first"
    layer: int = -1
    most: int = 3
    temperature: float = 0.0
    top_p: float = 0.9
    seed: int = 0

    def __call__(self, model: Model, texts: Sequence[str]) -> Vectors:
        """Rows float32 (n, width).

        Raises:
            OptionError: the model reads both ways or gives no next token, or the template lacks a mark or does not fit.
        """
        option(self.state, ("first", "answer", "prompt"), name="state")
        tokens = self._prompts(model, texts)
        last = tokens.offsets[1:] - 1
        if self.state == "answer":
            tokens, last = _joined(tokens, self._generated(model, tokens))
        states = model.run(tokens, layers=[self.layer])
        place = np.arange(len(tokens.ids))
        own = np.repeat(last, tokens.lengths)
        ways = {"first": place == own, "answer": place >= own, "prompt": place < own}
        return pooled(kept(states, ways[self.state]), None)

    def answers(self, model: Model, texts: Sequence[str]) -> list[str]:
        """What the model answers, one text each: words for what a group of near vectors has in common."""
        new = self._generated(model, self._prompts(model, texts))
        return [model.detokenize(new.take([text]).ids.tolist()) for text in range(len(new))]

    def _prompts(self, model: Model, texts: Sequence[str]) -> Tokens:
        reads_forward(model, "inbedder")
        if "{question}" not in self.template:
            raise OptionError(f"template: want {{question}} in it, got {self.template!r}")
        template = self.template.replace("{question}", self.question)
        if template.count("{text}") != 1:
            raise OptionError(f"template: want {{text}} once, got {template!r}")
        return prompted(model, template, checked_texts(texts), spare=integer(self.most, name="most", least=1)).tokens

    def _generated(self, model: Model, tokens: Tokens) -> Tokens:
        if not model.speaks:
            raise OptionError("inbedder: want a model that gives the next token, got one without such a head")
        if self.temperature == 0:
            return model.generate(tokens, most=self.most, temperature=0.0)
        rows: list[list[int]] = []
        for text in range(len(tokens)):
            # A seed of its own for each text, so that its answer does not hang on its neighbours.
            one = tokens.take([text])
            seed = int(digest(str(self.seed), one.ids)[:12], 16)
            new = model.generate(one, most=self.most, temperature=self.temperature, top_p=self.top_p, seed=seed)
            rows.append(new.ids.tolist())
        return Tokens.of(rows)


def _joined(tokens: Tokens, new: Tokens) -> tuple[Tokens, NDArray[np.int64]]:
    """Prompts and what followed them, without the last token, which gives nothing more; and where each prompt ends."""
    both = Tokens.of([[*tokens.take([i]).ids.tolist(), *new.take([i]).ids.tolist()[:-1]] for i in range(len(tokens))])
    return both, both.offsets[:-1] + tokens.lengths - 1


_PACKAGES = ("array", "string", "code", "random", "copy", "struct")
_KINDS = ("function", "class", "method", "module", "type", "object")
_FACTS = ("It is in the package {}.", "It has the kind {}.")


def _each_question_groups_by_its_answer(lab: Lab, method: InBedder) -> Evidence:
    """Texts that state a package and a kind of thing around a real sentence; groups of 6 by k-means, V-measure.

    How much better groups fit the labels asked for than those not asked for, for both questions together. Baseline: the mean
    of the prompt's states. Margin: 0.2 more than that, and more than 95% of 200 shufflings of the labels give.
    """
    model = lab.encoder("tiny_gpt")
    texts, labels = _material(lab, 180)
    asked = [dataclasses.replace(method, question=fact.removesuffix(" {}.")) for fact in _FACTS]
    plain = [dataclasses.replace(one, state="prompt") for one in asked]
    groups, others = ([_groups(one(model, texts), lab.seed) for one in side] for side in (asked, plain))
    own, other = _crossed(groups, labels), _crossed(others, labels)
    rng = lab.rng(41)
    shuffled = [_crossed(groups, labels[:, rng.permutation(len(texts))]) for _ in range(200)]
    first = [dataclasses.replace(one, state="first")(model, texts) for one in asked]
    chosen = [_likeliest(model, x, words) for x, words in zip(first, (_PACKAGES, _KINDS), strict=True)]
    found = {
        "crossed V-measure": own,
        "of the prompt's mean": other,
        "of shuffled labels, 95%": float(np.quantile(shuffled, 0.95)),
        "share of texts where the right answer is the likeliest of six": float((np.array(chosen) == labels).mean()),
    }
    return Evidence(own >= other + 0.2 and own > found["of shuffled labels, 95%"], found)


def _material(lab: Lab, n: int) -> tuple[list[str], NDArray[np.int64]]:
    """Texts, and which package and kind each states, (2, n)."""
    rng = lab.rng(40)
    labels = rng.integers(0, len(_KINDS), (2, n))
    texts: list[str] = []
    for sentence, (package, kind) in zip(lab.sentences(n, salt=5, words=5), labels.T.tolist(), strict=True):
        facts = [_FACTS[0].format(_PACKAGES[package]), _FACTS[1].format(_KINDS[kind])]
        first = int(rng.integers(2))
        texts.append(f"{facts[first]} {' '.join(sentence.split()[:12])} {facts[1 - first]}")
    return texts, labels


def _groups(x: Vectors, seed: int) -> NDArray[np.int64]:
    from sklearn import cluster

    means: Any = cluster.KMeans  # its annotations take n_init for a text
    return means(len(_KINDS), n_init=10, random_state=seed).fit_predict(unit(x - x.mean(axis=0)))


def _crossed(groups: Sequence[NDArray[np.int64]], labels: NDArray[np.int64]) -> float:
    """V-measure with the labels asked for, less that with those not asked for, over both questions."""
    from sklearn.metrics import v_measure_score

    fit = [[v_measure_score(label, group) for label in labels] for group in groups]
    return float(fit[0][0] - fit[0][1] + fit[1][1] - fit[1][0])


def _likeliest(model: Model, x: Vectors, words: Sequence[str]) -> NDArray[np.int64]:
    """Which of the words has the likeliest first token after each state."""
    tokens = model.tokenize([f" {word}" for word in words], special=False)
    return model.logits(x)[:, tokens.ids[tokens.offsets[:-1]]].argmax(axis=1)


CARD = Card(
    make=InBedder,
    family="readouts",
    keys=("inbedder",),
    papers=(
        Paper(
            "Answer is All You Need: Instruction-following Text Embedding via Answering the Question",
            (
                "Letian Peng",
                "Yuwei Zhang",
                "Zilong Wang",
                "Jayanth Srinivasa",
                "Gaowen Liu",
                "Zihan Wang",
                "Jingbo Shang",
            ),
            2024,
            "https://arxiv.org/abs/2402.09642",
        ),
    ),
    claim=Claim(
        "The state that begins the answer groups texts by what was asked rather than by what was not, which the mean of the "
        "prompt's states does less.",
        _each_question_groups_by_its_answer,
        spec="inbedder(template='{text} <sep> {question}')",
        needs=("encoder:tiny_gpt",),
        null=lambda: InBedder(template="{text} <sep> {question}", state="prompt"),
    ),
    notes="The paper trains a language model on 200,000 short answers first. One that was only trained to repeat texts can be "
    "asked for what a text states in so many words: the check puts two such statements around real sentences and asks by "
    "beginning one of them, where the paper asks real questions. States are named as "
    "in the code: first is fst_gen, answer avg_gen, prompt avg_ppt. Where the code cuts long prompts on the left, the text loses its end "
    "here. Its masked models, its re-encoded answers and several answers averaged are left out.",
)
