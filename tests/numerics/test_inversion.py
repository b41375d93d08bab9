"""Attacks and probes against scikit-learn, or their formula written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score

from semascope.errors import InputError, OptionError
from semascope.evaluation.sentence_content import SentenceContent
from semascope.evaluation.word_content import WordContent
from semascope.inversion.attribute_inference import AttributeInference
from semascope.inversion.candidate_inversion import CandidateInversion
from semascope.inversion.membership_inference import MembershipInference, _above
from semascope.inversion.word_inversion import WordInversion
from semascope.lab import Lab
from semascope.ops.discriminant import Discriminant, Tempering, calibration, membership

reference = pytest.mark.reference
LAB = Lab(11)
VOCABULARY = [f"word{i}" for i in range(30)]


class Average:
    """An encoder: the mean of seeded word vectors, through a fixed map to `dim` columns."""

    def __init__(self, dim: int = 24, seed: int = 0) -> None:
        rng = np.random.default_rng(0)
        vectors = rng.normal(size=(len(VOCABULARY), 24))
        turn = np.random.default_rng((seed, 1)).normal(size=(24, dim)) if seed else np.eye(24, dim)
        self.table = dict(zip(VOCABULARY, vectors @ turn, strict=True))

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.array([np.mean([self.table[w] for w in text.split()], axis=0) for text in texts], np.float32)


def texts(n: int, salt: int = 0) -> list[str]:
    rng = LAB.rng(salt)
    return [" ".join(rng.choice(VOCABULARY, size=6, replace=False)) for _ in range(n)]


def has_matrix(held: list[str]) -> np.ndarray:
    return CountVectorizer(vocabulary=VOCABULARY, binary=True).fit_transform(held).toarray()


@reference("word_inversion")
def test_a_words_weights_are_ridge_regressions_up_to_scale() -> None:
    held = texts(200)
    x = Average().encode(held).astype(np.float64)
    y = has_matrix(held).astype(float)
    rows, columns = np.nonzero(y)
    made = Discriminant(x, membership(list(rows), list(columns), y.shape), within=False)
    weight, _ = made.head(Tempering(0.1))
    # The same penalty in ridge regression's units: n times that share of the mean variance.
    theirs = Ridge(alpha=0.1 * len(x) * x.var(axis=0).mean()).fit(x, y).coef_.T
    share = y.mean(axis=0)
    np.testing.assert_allclose(weight * share, theirs, rtol=1e-6, atol=1e-9)


@reference("word_inversion")
def test_scores_are_bayes_rule_for_two_normal_clouds() -> None:
    rng = LAB.rng(3)
    has = rng.random(4000) < 0.3
    x = rng.normal(size=(4000, 3)) + np.where(has[:, None], [1.0, 0.5, 0.0], 0.0)
    y = membership(list(np.flatnonzero(has)), [0] * int(has.sum()), (4000, 1))
    made = Discriminant(x, y, within=False)
    weight, bias = made.head(Tempering(1e-9))
    # The formula, from the means and the covariance of all rows.
    away = x[has].mean(axis=0) - x.mean(axis=0)
    inner = np.linalg.solve(np.cov(x.T, bias=True), away)
    share = (has.sum() + 0.5) / 4001
    np.testing.assert_allclose(weight[:, 0], inner, rtol=1e-5)
    np.testing.assert_allclose(bias[0], np.log(share / (1 - share)) - away @ inner / 2, rtol=1e-5)


def test_words_are_read_off_an_average_of_word_vectors_and_not_off_noise() -> None:
    held = texts(600)
    x = Average().encode(held)
    attack = WordInversion(k=6).fit(x[:500], held[:500])
    right = np.mean([w in text.split() for g, text in zip(attack.guesses(x[500:]), held[500:], strict=True) for w in g])
    assert right > 0.95
    assert [len(guess.split()) for guess in attack.invert(x[500:])] == [6] * 100
    assert [len(guess) for guess in attack.guesses(x[500:], 2)] == [2] * 100
    blind = WordInversion(k=6).fit(LAB.rng(5).normal(size=x[:500].shape), held[:500])
    low = np.mean([w in text.split() for g, text in zip(blind.guesses(x[500:]), held[500:], strict=True) for w in g])
    assert low < 0.35


def test_little_words_are_left_out_unless_they_are_wanted() -> None:
    held = [f"the {text} is in a" for text in texts(60)]
    x = Average().encode(texts(60))
    assert not {"the", "is", "in"} & set(WordInversion().fit(x, held).learned_.names)
    assert {"the", "is", "in"} <= set(WordInversion(leave_out="nothing").fit(x, held).learned_.names)


def test_word_options_are_named_and_texts_without_words_refused() -> None:
    x = LAB.vectors()
    held = texts(64)
    for options, words in {
        ("k", 0): "k: want at least 1",
        ("leave_out", "some"): "leave_out: want one of little, nothing",
        ("least", 0): "least: want at least 1",
        ("n_words", 0): "n_words: want at least 1",
        ("random_state", -1): "random_state: want at least 0",
    }.items():
        with pytest.raises(OptionError, match=words):
            WordInversion(**{options[0]: options[1]}).fit(x, held)
    with pytest.raises(InputError, match="y: want texts that hold words"):
        WordInversion().fit(x, ["..."] * 64)
    assert len(WordInversion(n_words=7).fit(x, held).learned_.names) == 7


def test_calibrated_scores_are_logistic_regressions() -> None:
    rng = LAB.rng(6)
    scores = rng.normal(size=3000) * 2
    right = rng.random(3000) < 1 / (1 + np.exp(-(0.5 * scores - 1)))
    slope, constant = calibration(scores, right)
    theirs = LogisticRegression(C=1e6).fit(scores[:, None], right)
    np.testing.assert_allclose([slope, constant], [theirs.coef_[0, 0], theirs.intercept_[0]], rtol=0.02)
    assert calibration(scores, ~right) == (1.0, 0.0)
    assert calibration(np.ones(5), np.ones(5)) == (1.0, 0.0)


@pytest.mark.parametrize("kind", [AttributeInference, WordContent])
@pytest.mark.parametrize("scale", [1.0, 1e3])
@reference("attribute_inference")
@reference("word_content")
def test_labels_are_those_of_linear_discriminant_analysis(kind: type[Any], scale: float) -> None:
    rng = LAB.rng(7)
    own = rng.integers(0, 4, 900)
    x = (rng.normal(size=(4, 10))[own] + rng.normal(size=(900, 10))).astype(np.float32) * scale
    y = np.array(["north", "south", "east", "west"])[own]
    ours = kind().fit(x[:600], y[:600])
    theirs = LinearDiscriminantAnalysis().fit(x[:600], y[:600])
    guesses = [ours.learned_.names[i] for i in ours.transform(x[600:]).argmax(axis=1)]
    assert np.mean(np.array(guesses) == theirs.predict(x[600:])) > 0.97
    assert ours.score(x[600:], y[600:]) > 0.7


@reference("sentence_content")
def test_sentences_are_told_by_a_discriminant_on_products_and_distances() -> None:
    rng = LAB.rng(8)
    one = rng.normal(size=(600, 6))
    same = rng.random(600) < 0.5
    other = np.where(same[:, None], one + 0.5 * rng.normal(size=(600, 6)), rng.normal(size=(600, 6)))
    y = np.where(same, "in", "out")
    ours = SentenceContent().fit(np.concatenate([one, other], axis=1), y)
    a, b = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (one, other))
    seen = np.concatenate([a * b, abs(a - b)], axis=1)
    theirs = LinearDiscriminantAnalysis().fit(seen, y)
    assert np.mean(ours.answers(np.concatenate([one, other], axis=1)) == theirs.predict(seen)) > 0.97
    with pytest.raises(InputError, match="two vectors of one width"):
        SentenceContent().fit(LAB.vectors(20, 5), ["in", "out"] * 10)


def test_pairs_hold_a_sentence_of_the_paragraph_and_one_of_another() -> None:
    whole, single = np.eye(4, 5)[:, :5] + 1, np.arange(40.0).reshape(8, 5)
    home = [0, 0, 1, 1, 2, 2, 3, 3]
    rows, labels = SentenceContent().pairs(whole, single, home)
    places = [int(row[5] // 5) for row in rows]
    assert [home[place] == i % 4 for i, place in enumerate(places)] == [True] * 4 + [False] * 4
    assert labels.tolist() == ["in"] * 4 + ["out"] * 4
    np.testing.assert_array_equal(rows[:, :5], np.tile(whole, (2, 1)).astype(np.float32))
    # A paragraph's own sentences are the nearest to it, and are not what it lacks.
    whole = LAB.vectors(4, 5)
    single = np.repeat(whole, 2, axis=0) + np.arange(8, dtype=np.float32)[:, None] / 64
    hard, _ = SentenceContent(hard=True).pairs(whole, single, home)
    near = (whole @ single.T) / np.linalg.norm(whole, axis=1)[:, None] / np.linalg.norm(single, axis=1)
    near[np.array(home), np.arange(8)] = -1
    np.testing.assert_array_equal(hard[4:, 5:], single[near.argmax(axis=1)])
    with pytest.raises(InputError, match="home: want places 0 to 3, each at least once"):
        SentenceContent().pairs(whole, single, [0] * 8)


def test_probes_measure_with_intervals_and_a_control() -> None:
    held = texts(1200)
    found = SentenceContent().measure(Average(), [held[i : i + 4] for i in range(0, 1200, 4)])
    assert found["right"].low > 0.6
    assert abs(found["control"].value - 0.5) < 0.08
    assert found["right"].n == 300
    found = WordContent(n_words=5).measure(Average().encode(held), held)
    assert found["right"].low > found["majority"].high
    assert found["selectivity"].value == pytest.approx(found["right"].value - found["control"].value)
    with pytest.raises(InputError, match="texts: want 60 different words"):
        WordContent().task(held)


def test_the_words_told_apart_are_of_middling_rank_and_alone_in_their_text() -> None:
    held = [f"common{i % 2} b{i % 4} c{i % 6} rare{i}" for i in range(60)]
    places, labels = WordContent(n_words=3).task(held)
    for place, label in zip(places, labels, strict=True):
        assert label in held[place].split()
    assert len(set(labels)) == 3


@reference("candidate_inversion")
def test_the_map_of_vectors_is_ridge_regression_with_a_constant() -> None:
    held = texts(300)
    own, x = Average(seed=5), Average().encode(held)
    attack = CandidateInversion(own).fit(x, held)
    matrix = attack.learned_.weight.T.astype(np.float64)
    seen = own.encode(held).astype(np.float64)
    strengths = [p * np.square(seen - seen.mean(axis=0)).sum(axis=0).mean() for p in (1e-4, 1e-3, 1e-2, 1e-1, 1.0)]
    gaps = []
    for strength in strengths:
        theirs = Ridge(alpha=strength).fit(seen, x - x.mean(axis=0))
        gaps.append(np.abs(seen @ matrix[:-1] + matrix[-1] - theirs.predict(seen)).max())
    assert min(gaps) < 1e-4


@reference("candidate_inversion")
def test_the_map_of_words_solves_its_normal_equations() -> None:
    held = texts(200)
    x = Average().encode(held).astype(np.float64)
    matrix = CandidateInversion().fit(x, held).learned_.weight.T.astype(np.float64)
    y = has_matrix(held)
    rarity = np.log(201 / (y.sum(axis=0) + 0.5))
    bag = y * rarity / np.linalg.norm(y * rarity, axis=1, keepdims=True)
    exact = np.linalg.solve(bag.T @ bag + np.eye(30), bag.T @ (x - x.mean(axis=0))) * rarity[:, None]
    order = [sorted(VOCABULARY).index(word) for word in VOCABULARY]
    np.testing.assert_allclose(matrix[order], exact, atol=2e-3 * np.abs(exact).max())


def test_the_right_text_is_found_by_the_encoder_by_another_and_by_words() -> None:
    held = list(dict.fromkeys(texts(700)))[:600]
    x = Average().encode(held)
    for encoder, least in ((Average(), 1.0), (Average(seed=3), 0.95), (None, 0.6)):
        attack = CandidateInversion(encoder).fit(x[:300], held[:300])
        ranks = attack.ranks(x[300:], held[300:], held)
        assert (ranks == 1).mean() >= least
        assert [text == own for text, own in zip(attack.invert(x[300:], held), held[300:], strict=True)] == (
            ranks == 1
        ).tolist()
    ten = attack.nearest(x[300:], held, k=10)
    assert np.mean([own in found for own, found in zip(held[300:], ten, strict=True)]) == (ranks <= 10).mean()
    assert attack.invert(x[:5], candidates=held[7:8]) == held[7:8] * 5


def test_ties_count_against_the_right_text_and_what_is_missing_is_named() -> None:
    held = ["word1 word2", "word2 word1", "word3", "word4"] * 5
    x = Average().encode(held)
    attack = CandidateInversion().fit(x, held)
    assert attack.ranks(x[:1], held[:1]).tolist() == [2]
    with pytest.raises(InputError, match="1 of them not among the candidates"):
        attack.ranks(x[:1], ["word9"])
    with pytest.raises(InputError, match="candidates: want at least 1 text"):
        attack.invert(x, [])
    with pytest.raises(InputError, match="encoder: want the one that was fitted with"):
        CandidateInversion(Average(dim=9, seed=2)).fit(x, held).set_params(encoder=Average(dim=8, seed=2)).invert(x)


@reference("membership_inference")
def test_a_score_is_the_nearest_rows_cosine_less_half_its_usual_nearness() -> None:
    held = list(dict.fromkeys(texts(500)))
    x = Average().encode(held).astype(np.float64)
    attack = MembershipInference().fit(x[:200], held[:200])
    matrix, mean = attack.learned_.weight.T.astype(np.float64), attack.learned_.mean

    def place(texts: list[str]) -> np.ndarray:
        bags = CountVectorizer(vocabulary=list(attack.learned_.names)).transform(texts) @ matrix
        return bags / np.linalg.norm(bags, axis=1, keepdims=True)

    rows = x[200:300] - mean
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    usual = np.sort(rows @ place(held[:200]).T, axis=1)[:, -10:].mean(axis=1)
    wanted = (place(held[200:400]) @ rows.T - usual / 2).max(axis=1)
    np.testing.assert_allclose(attack.scores(x[200:300], held[200:400]), wanted, atol=1e-5)


def test_members_are_told_exactly_with_the_encoder_and_better_than_chance_without() -> None:
    held = list(dict.fromkeys(texts(800)))
    x = Average().encode(held)
    truth = np.repeat([1, 0], 200)
    asked = held[300:500] + held[500:700]
    scores = [MembershipInference(e).fit(x[:300], held[:300]).scores(x[300:500], asked) for e in (Average(), None)]
    assert roc_auc_score(truth, scores[0]) == 1
    assert roc_auc_score(truth, scores[1]) > 0.8
    assert _above(scores[1]) == pytest.approx(roc_auc_score(truth, scores[1]))
    sure = MembershipInference(Average()).fit(x[:300], held[:300])
    assert sure.members(x[300:500], asked)[:200].all()
    assert sure.members(x[300:500], asked)[200:].mean() < 0.05
    assert sure.invert(x[300:302], held) == held[300:302]
    assert sure.invert(x[300:302], held[500:]) == ["", ""]
    with pytest.raises(OptionError, match="false_alarms: want a share between 0 and 1"):
        MembershipInference(false_alarms=1).fit(x, held)
