"""What each kind of task finds, against another library or a slow loop."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_up import ALL

from semascope.errors import InputError, OptionError
from semascope.ops import unit
from semascope.tasks import (
    Analogy,
    Classification,
    Clustering,
    PairMatching,
    Reranking,
    Retrieval,
    Similarity,
    WordSimilarity,
    chance,
)


def cloud(n: int = 120, labels: int = 3, seed: int = 0, dim: int = 12) -> tuple[Any, list[str], list[str]]:
    """Rows about a centre for each label, near enough to be mistaken; texts and labels."""
    rng = np.random.default_rng(seed)
    own = rng.integers(0, labels, n)
    x = (rng.normal(size=(labels, dim))[own] + 1.5 * rng.normal(size=(n, dim))).astype(np.float32)
    return x, [f"text {i}" for i in range(n)], [f"label {one}" for one in own]


def test_the_nearest_others_by_scikit_learn_vote() -> None:
    from sklearn.neighbors import NearestNeighbors

    x, texts, labels = cloud()
    found = Classification("t", texts, labels, method="knn", also=(), k=5).judge({"texts": x}).columns["value"]
    near = NearestNeighbors(metric="cosine").fit(unit(x)).kneighbors(n_neighbors=5, return_distance=False)
    votes = [Counter(labels[at] for at in row).most_common() for row in near]
    sure = [len(one) == 1 or one[0][1] > one[1][1] for one in votes]  # equal votes go to the nearer ones
    assert sum(sure) > 90
    for at in np.flatnonzero(sure):
        assert found[at] == (votes[at][0][0] == labels[at])


def test_a_linear_probe_answers_by_bayes_rule_learned_without_its_fold() -> None:
    x, texts, labels = cloud(seed=1)
    task = Classification("t", texts, labels, also=())
    found = task.judge({"texts": x}).columns["value"]
    u, y = unit(x).astype(np.float64), np.array(labels)
    names = sorted(set(labels))
    for fold in range(task.parts):
        learn, held = task.fold != fold, task.fold == fold
        mean = {one: u[learn & (y == one)].mean(0) for one in names}
        within = np.mean([np.outer(r - mean[one], r - mean[one]) for r, one in zip(u[learn], y[learn], strict=True)], 0)
        within += 0.3 * np.trace(within) / len(within) * np.eye(len(within))
        score = np.empty((int(held.sum()), len(names)))
        for at, one in enumerate(names):
            inverse = np.linalg.solve(within, mean[one])
            score[:, at] = u[held] @ inverse - mean[one] @ inverse / 2 + np.log(np.mean(y[learn] == one))
        assert np.array_equal(found[held] == 1, np.array(names)[score.argmax(1)] == y[held])


def test_a_linear_probe_is_about_as_good_as_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    x, texts, labels = cloud(n=400, seed=2)
    found = Classification("t", texts, labels, also=()).judge({"texts": x}).value()
    peer = np.mean(cross_val_predict(LogisticRegression(max_iter=1000), unit(x), labels) == np.array(labels))
    assert found == pytest.approx(peer, abs=0.03)


@pytest.mark.parametrize("method", ["linear", "knn", "centre"])
def test_a_copy_of_a_text_does_not_answer_it(method: str) -> None:
    # Random rows and labels that are the same for both copies: who may look at the copy is always right.
    rng = np.random.default_rng(0)
    texts = [f"text {i // 2}" for i in range(200)]
    labels = [f"label {one}" for one in np.repeat(rng.integers(0, 4, 100), 2)]
    task = Classification("t", texts, labels, method=method, also=(), k=1)
    rows = rng.normal(size=(100, 64)).astype(np.float32)
    assert task.judge({"texts": rows}).value() < 0.45


def test_balanced_accuracy_counts_every_label_alike() -> None:
    from sklearn.metrics import balanced_accuracy_score

    x, texts, labels = cloud(seed=4)
    labels = ["label 0" if one == "label 1" and at % 4 else one for at, one in enumerate(labels)]
    task = Classification("t", texts, labels, method="centre", also=())
    said = task._answers(unit(x), "centre")
    found = task.judge({"texts": x}).more["balanced accuracy"].mean()
    assert found == pytest.approx(balanced_accuracy_score(task._labels, said))


def test_a_label_that_stands_once_can_only_be_missed() -> None:
    x, texts, labels = cloud()
    labels[7] = "alone"
    for method in ("linear", "knn", "centre"):
        found = Classification("t", texts, labels, method=method, also=()).judge({"texts": x})
        assert found.columns["value"][7] == 0
        assert np.isfinite(found.value())


def test_more_columns_than_texts_are_judged() -> None:
    x, texts, labels = cloud(n=40, dim=300)
    assert np.isfinite(Classification("t", texts, labels).judge({"texts": x}).value())


def test_groups_are_those_of_scikit_learn() -> None:
    from sklearn.cluster import KMeans
    from sklearn.metrics import v_measure_score

    x, texts, labels = cloud(seed=5)
    task = Clustering("t", texts, labels)
    order = task._order
    group = KMeans(3, n_init=3, random_state=0).fit(unit(x)[order]).labels_
    assert task.judge({"texts": x}).value() == pytest.approx(v_measure_score(np.array(labels)[order], group))


def test_centres_may_be_learned_from_a_part_of_the_texts() -> None:
    x, texts, labels = cloud(n=300, seed=5)
    whole = Clustering("t", texts, labels).judge({"texts": 4 * x}).value()
    part = Clustering("t", texts, labels, learn=100).judge({"texts": 4 * x}).value()
    assert part == pytest.approx(whole, abs=0.25)


def test_fewer_different_rows_than_labels_are_grouped_without_a_warning() -> None:
    texts = [f"text {i}" for i in range(12)]
    rows = np.eye(2, dtype=np.float32)[np.arange(12) % 2]
    found = Clustering("t", texts, [f"label {i % 4}" for i in range(12)]).judge({"texts": rows})
    assert 0 < found.value() < 1


def test_candidates_in_order_are_scored_as_by_trec_eval() -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    rng = np.random.default_rng(6)
    sizes = rng.integers(2, 12, 30)
    grades = [[int(one) for one in rng.integers(0, 3, size)] for size in sizes]
    candidates = [[f"c {at} {j}" for j in range(size)] for at, size in enumerate(sizes)]
    task = Reranking("t", [f"q {at}" for at in range(30)], candidates, grades)
    rows = {name: rng.normal(size=(len(texts), 8)).astype(np.float32) for name, (texts, _) in task.inputs().items()}
    found = task.judge(rows)
    queries, documents = unit(rows["queries"]), unit(rows["documents"])
    place = {text: at for at, text in enumerate(task.inputs()["documents"][0])}
    run, judged = {}, {}
    for row, own in enumerate(task.units):
        at = int(own)
        run[own] = {text: float(queries[row] @ documents[place[text]]) for text in candidates[at]}
        judged[own] = dict(zip(candidates[at], grades[at], strict=True))
    peer = pytrec_eval.RelevanceEvaluator(judged, {"map", "recip_rank", "ndcg_cut.10"}).evaluate(run)
    for name, key in {"MRR": "recip_rank", "nDCG@10": "ndcg_cut_10"}.items():
        np.testing.assert_allclose(found.more[name], [peer[own][key] for own in task.units], atol=1e-6)
    np.testing.assert_allclose(found.columns["value"], [peer[own]["map"] for own in task.units], atol=1e-6)


def test_queries_that_any_order_answers_are_left_out() -> None:
    task = Reranking("t", ["a", "b", "c"], [["x", "y"]] * 3, [[1, 1], [0, 1], [0, 0]], ids=["i", "j", "k"])
    assert task.units == ("j",)
    with pytest.raises(InputError, match="a relevant candidate and another one"):
        Reranking("t", ["a"], [["x", "y"]], [[1, 1]])


@pytest.mark.parametrize("method", ["add", "mul"])
def test_analogies_are_answered_as_by_a_slow_loop(method: str) -> None:
    rng = np.random.default_rng(7)
    words = [f"w{i}" for i in range(15)]
    questions = [tuple(words[i] for i in rng.choice(15, 4, replace=False)) for _ in range(50)]
    task = Analogy("t", questions, method=method)
    words = task.inputs()["words"][0]
    x = unit(rng.normal(size=(len(words), 4)))
    place = {word: at for at, word in enumerate(words)}
    right = []
    for a, b, c, d in questions:
        best, score = None, -np.inf
        for word in words:
            if word in (a, b, c):
                continue
            to = [float(x[place[word]] @ x[place[one]]) for one in (a, b, c)]
            shifted = [(one + 1) / 2 for one in to]
            value = to[1] - to[0] + to[2] if method == "add" else shifted[1] * shifted[2] / (shifted[0] + 0.001)
            if value > score:
                best, score = word, value
        right.append(float(best == d))
    assert task.judge({"words": x}).columns["value"].tolist() == right
    assert 0 < sum(right) < 50


def test_an_answer_is_never_one_of_the_words_asked_with() -> None:
    # b itself is by far the nearest to b - a + c; the answer is the next.
    x = np.array([[1, 0, 0.1], [1, 0.2, 0], [1, 0, 0], [1, 0.1, 0]], np.float32)
    task = Analogy("t", [("a", "b", "c", "d")])
    assert task.judge({"words": x}).value() == 1


def test_words_that_are_not_known_are_covered_by_none_and_say_nothing() -> None:
    pairs = [(f"a{i}", f"b{i}") for i in range(20)]
    scores = list(range(20))
    task = WordSimilarity("t", pairs, scores)
    angle = np.arange(20) / 20
    rows = np.zeros((40, 2), np.float32)
    rows[::2, 0] = 1
    rows[1::2] = np.stack([angle, np.sqrt(1 - angle**2)], axis=1)
    rows[1] = 0  # the word of the least similar pair
    found = task.judge({"texts": rows})
    assert found.more["covered"].mean() == pytest.approx(19 / 20)
    known = found.columns["score"][1:]
    assert found.columns["score"][0] == pytest.approx(known.mean())
    assert np.isfinite(task.judge({"texts": np.zeros((40, 2), np.float32)}).columns["score"]).all()


def test_questions_with_words_that_are_not_known_are_wrong_and_said() -> None:
    task = Analogy("t", [("a", "b", "c", "d"), ("a", "b", "e", "f")])
    rows = np.eye(6, dtype=np.float32)
    rows[5] = 0
    found = task.judge({"words": rows})
    assert found.more["covered"].tolist() == [1, 0]
    assert found.columns["value"][1] == 0


def test_guessing_a_pair_matches_as_often_as_pairs_do() -> None:
    task = PairMatching("t", [(f"a {i}", f"b {i}") for i in range(900)], [i % 5 == 0 for i in range(900)])
    assert chance(task) == pytest.approx(0.2, abs=0.05)


def test_a_query_that_is_its_document_word_for_word_is_found_by_guessing() -> None:
    asked = ALL["retrieval"]()
    task = asked.task
    copied = replace(task, queries={f"q{i}": f"document {i}" for i in range(len(task.units))})
    assert chance(copied) > 0.7


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Similarity("t", [("a", "b")], [1, 2]), "want a score for each of 1 pairs, got 2"),
        (lambda: Similarity("t", [("a", "b"), ("c", "d")], [1, 1]), "at least two different scores"),
        (lambda: PairMatching("t", [("a", "b")], [True]), "pairs that match and pairs that do not"),
        (lambda: PairMatching("t", [], []), "want at least one of pairs, got none"),
        (lambda: PairMatching("t", [("a", "b")] * 2, [1, 0], ids=["x"]), "want one of ids for each of 2 pairs, got 1"),
        (lambda: Classification("t", ["a"] * 9, ["x"] * 9), "two different labels"),
        (lambda: Classification("t", ["a", "b"], ["x", "y"]), "want at least 5 different texts, got 2"),
        (lambda: Clustering("t", ["a", "b"], ["x", "x"]), "two different labels"),
        (lambda: Analogy("t", [("a", "b", "c", "a")]), "at least four different words"),
        (lambda: Reranking("t", ["q"], [["a", "b"]], [[1]]), "want a grade for each of 2 candidates"),
    ],
)
def test_what_is_no_task_is_refused_by_its_name(make: Any, said: str) -> None:
    with pytest.raises(InputError, match=rf"t: .*{said}"):
        make()


def test_an_unknown_way_to_classify_is_refused() -> None:
    with pytest.raises(OptionError, match="method: want one of linear, knn, centre"):
        Classification("t", ["a"] * 5, ["x", "y"] * 2 + ["x"], method="forest")


def _with_itself(judged: float = 0.0, **changed: str) -> Retrieval:
    """Twelve documents of which the first is the query itself, behind its title."""
    documents = {f"d{n}": f"text number {n}" for n in range(12)}
    documents |= {"q0": "Title the question", "q1": "another text that has its id", **changed}
    queries = {"q0": "the question", "q1": "what else"}
    grades = {"q0": {"d3": 1.0, **({"q0": judged} if judged else {})}, "q1": {"d4": 1.0}}
    return Retrieval("t", documents, queries, grades)


def test_a_document_that_is_the_query_itself_is_left_out_of_its_ranking() -> None:
    """As BEIR and MTEB do; but a document of the same id that says something else is ranked."""
    task = _with_itself()
    place = {name: at for at, name in enumerate(task.documents)}
    scores = np.random.default_rng(0).normal(size=(2, len(place)))
    scores[0, [place["q0"], place["d3"]]] = 9, 8
    scores[1, [place["q1"], place["d4"]]] = 9, 8
    given = scores.copy()
    order = np.argsort(-scores, axis=1)
    run = {
        name: dict(zip(task.documents, row.tolist(), strict=True)) for name, row in zip(task.units, scores, strict=True)
    }
    every = [
        task.judge_scores(scores),
        task.judge_ranking(order),
        task.judge_ranking(order[:, :11]),
        task.judge_run(run),
    ]
    for found in every:
        assert found.columns["value"] == pytest.approx([1.0, 1 / np.log2(3)])
        assert found.more["MAP@100"] == pytest.approx([1.0, 0.5])
    assert np.array_equal(scores, given)
    q, d = np.linalg.qr(np.random.default_rng(1).normal(size=(20, 20)))[0][:2], np.zeros((14, 20))
    d[:] = np.linalg.lstsq(q, scores, rcond=None)[0].T
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    ranking = task.ranking({"documents": d, "queries": q})
    assert place["q0"] not in ranking[0]
    assert place["q1"] in ranking[1]
    assert sorted(ranking[0].tolist())[:2] == [-1, 0]
    assert len(task.ranking({"documents": d, "queries": q}, 5)[0]) == 5
    assert (task.ranking({"documents": d, "queries": q}, 5) >= 0).all()


def test_a_document_that_is_judged_relevant_is_ranked_though_it_is_the_query() -> None:
    task = _with_itself(1.0)
    place = {name: at for at, name in enumerate(task.documents)}
    scores = np.zeros((2, len(place)))
    scores[0, place["q0"]] = 1
    assert task.judge_scores(scores).more["MRR@10"][0] == 1


def test_a_part_leaves_the_same_documents_out() -> None:
    task = _with_itself(q1="what else")
    scores = np.zeros((1, len(task.documents)))
    scores[0, list(task.documents).index("q1")] = 1
    scores[0, list(task.documents).index("d4")] = 0.5
    assert task.part(np.array([1])).judge_scores(scores).more["MRR@10"][0] == 1
