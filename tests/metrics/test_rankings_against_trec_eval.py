"""Measures of rankings, against trec_eval itself (pytrec-eval-terrier), on random runs and judgements without ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope.metrics import Judgements, average_precision_at, ndcg, ranked, recall_within, reciprocal_rank
from semascope.tasks import Retrieval

pytrec_eval = pytest.importorskip("pytrec_eval")


def material(seed: int, queries: int, documents: int, grades: int) -> tuple[Any, dict[str, dict[str, int]]]:
    """Scores without ties, some below 0, and judgements: some of grade 0, some below, some queries with nothing relevant."""
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.arange(queries * documents).reshape(queries, documents), axis=1) / documents - queries / 2
    judged: dict[str, dict[str, int]] = {}
    for query in range(queries):
        many = rng.integers(1, documents + 1)
        chosen = rng.choice(documents, many, replace=False)
        judged[f"q{query}"] = {f"d{one}": int(rng.integers(-1, grades + 1)) for one in chosen}
    return scores, judged


def by_trec_eval(scores: Any, judged: dict[str, dict[str, int]], measure: str) -> Any:
    names = [f"d{at}" for at in range(scores.shape[1])]
    run = {f"q{at}": dict(zip(names, map(float, row), strict=True)) for at, row in enumerate(scores)}
    found = pytrec_eval.RelevanceEvaluator(judged, {measure}).evaluate(run)
    key = measure.replace(".", "_")
    return np.array([found[f"q{at}"][key] for at in range(len(scores))])


def ours(scores: Any, judged: dict[str, dict[str, int]], k: int) -> dict[str, Any]:
    queries, documents = scores.shape
    judgements = Judgements.of(judged, [f"q{at}" for at in range(queries)], [f"d{at}" for at in range(documents)])
    gains, relevant = judgements.gains(ranked(scores, k)), judgements.relevant()
    return {
        "ndcg_cut": ndcg(gains, judgements.best(k), k),
        "map_cut": average_precision_at(gains, relevant, k),
        "recall": recall_within(gains, relevant, k),
        "recip_rank": reciprocal_rank(gains, k),
    }


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    queries=st.integers(1, 6),
    documents=st.integers(1, 40),
    grades=st.integers(1, 4),
    k=st.integers(1, 45),
)
def test_every_measure_is_that_of_trec_eval(seed: int, queries: int, documents: int, grades: int, k: int) -> None:
    scores, judged = material(seed, queries, documents, grades)
    found = ours(scores, judged, k)
    for name in ("ndcg_cut", "map_cut", "recall"):
        np.testing.assert_allclose(found[name], by_trec_eval(scores, judged, f"{name}.{k}"), atol=1e-6, err_msg=name)
    # trec_eval has no cut of the reciprocal rank: beyond k ours is 0.
    whole = by_trec_eval(scores, judged, "recip_rank")
    np.testing.assert_allclose(found["recip_rank"], np.where(whole >= 1 / k - 1e-9, whole, 0), atol=1e-6)


def test_a_run_is_judged_as_by_trec_eval_though_some_queries_and_documents_are_missing() -> None:
    scores, judged = material(9, 8, 20, 3)
    run = {f"q{at}": {f"d{2 * j}": float(row[j]) for j in range(20)} for at, row in enumerate(scores)}
    del run["q3"]
    documents = {f"d{j}": "text" for j in range(20)}  # those of higher numbers are in the run alone
    task = Retrieval("t", documents, {f"q{at}": "query" for at in range(8)}, judged)
    found = task.judge_run(run)
    peer = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10", "map_cut.100", "recall.10"}).evaluate(run)
    none = dict.fromkeys(("ndcg_cut_10", "map_cut_100", "recall_10"), 0.0)
    for values, key in (
        (found.columns["value"], "ndcg_cut_10"),
        (found.more["MAP@100"], "map_cut_100"),
        (found.more["recall@10"], "recall_10"),
    ):
        np.testing.assert_allclose(values, [peer.get(own, none)[key] for own in task.units], atol=1e-6, err_msg=key)


def test_judged_documents_that_were_not_found_count_as_missed() -> None:
    scores = np.array([[3.0, 2.0, 1.0]])
    judged = {"q0": {"d0": 1, "d9": 1}}
    judgements = Judgements.of(judged, ["q0"], [f"d{at}" for at in range(10)])
    gains = judgements.gains(np.array([[0, 1, 2]]))
    assert average_precision_at(gains, judgements.relevant(), 3)[0] == pytest.approx(0.5)
    assert by_trec_eval(scores, judged, "map")[0] == pytest.approx(0.5)


def test_of_equal_scores_ours_takes_the_first_and_trec_eval_the_last_by_name() -> None:
    # Stated and not mended: trec_eval orders ties by document id, backwards; ours keep the order of the documents.
    scores, judged = np.array([[1.0, 1.0]]), {"q0": {"d0": 1}}
    assert ours(scores, judged, 2)["recip_rank"][0] == 1.0
    assert by_trec_eval(scores, judged, "recip_rank")[0] == 0.5


def test_the_k_best_come_in_order_whatever_the_sign_of_scores() -> None:
    scores = np.array([[-5.0, -1.0, -3.0, -1.0], [0.0, -0.0, 2.0, 1.0]])
    assert ranked(scores, 3).tolist() == [[1, 3, 2], [2, 3, 0]]
    assert ranked(scores, 9).tolist() == [[1, 3, 2, 0], [2, 3, 0, 1]]


def test_a_place_that_is_none_gains_nothing() -> None:
    judgements = Judgements.of({"q": {"d0": 1, "d2": 3}}, ["q"], ["d0", "d1", "d2"])
    assert judgements.gains(np.array([[2, -1, 0]])).tolist() == [[3.0, 0.0, 1.0]]


def test_only_the_order_of_scores_counts() -> None:
    scores, judged = material(3, 4, 30, 3)
    one, other = ours(scores, judged, 10), ours(np.exp(scores / 10) - 7, judged, 10)
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], name)
