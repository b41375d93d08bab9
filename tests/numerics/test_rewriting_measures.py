"""PTEB and EvalRank against loops from the formulas, scipy and scikit-learn; and what must come out exactly."""

import numpy as np
import pytest

from semascope.errors import InputError, OptionError
from semascope.evaluation.evalrank import Evalrank
from semascope.evaluation.pteb import Pteb
from semascope.metrics import score
from semascope.ops.rewording import typos
from semascope.testing.asking import Alike, WordSums, pairs, retrieval, sentences, similarity

reference = pytest.mark.reference
ENCODER = WordSums(dim=64)


class Counting:
    """Counts what it is asked to encode."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts, **how):
        self.texts.extend(texts)
        return ENCODER.encode(texts, **how)


def runs_by_hand(task, paraphraser, runs: int) -> list[float]:
    """Reword each text, encode, and take scipy's Spearman of the cosines, run by run."""
    from scipy.stats import spearmanr

    found = []
    for _ in range(runs):
        texts = list(dict.fromkeys(text for pair in task.pairs for text in pair))
        new = dict(zip(texts, paraphraser(texts), strict=True))
        cosines = []
        for one, other in task.pairs:
            a, b = ENCODER.encode([new[one], new[other]])
            cosines.append(float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))
        found.append(float(spearmanr(cosines, task.scores).statistic))
    return found


def seeded():
    """A paraphraser that rewords otherwise each time it is called."""
    calls = iter(range(100))
    return lambda texts: typos(texts, 0.4, next(calls))


@reference("pteb")
def test_drop_and_spread_are_those_of_runs_made_by_hand() -> None:
    every = similarity(60)
    # Pairs with all words in common have a cosine of 1 but for rounding, which would decide their order.
    task = every.part([at for at, gold in enumerate(every.scores) if 0 < gold < 0.9])
    values = runs_by_hand(task, seeded(), 4)
    own = runs_by_hand(task, list, 1)[0]
    found = Pteb(runs=4, paraphraser=seeded()).measure(ENCODER, task)
    assert found["original"].value == pytest.approx(own, abs=1e-6)
    assert found["reworded"].value == pytest.approx(np.mean(values), abs=1e-6)
    assert found["drop"].value == pytest.approx(own - np.mean(values), abs=1e-6)
    assert found["spread"].value == pytest.approx(np.std(values, ddof=1), abs=1e-6)
    assert found["drop"].value > 0


def test_the_interval_of_the_spread_is_scipys_for_a_normal_sample() -> None:
    from scipy.stats import chi2

    found = Pteb(runs=6, paraphraser=seeded()).measure(ENCODER, similarity(30))["spread"]
    low = np.sqrt(5 * found.value**2 / chi2.ppf(0.975, 5))
    high = np.sqrt(5 * found.value**2 / chi2.ppf(0.025, 5))
    assert (found.low, found.high, found.n) == (pytest.approx(low), pytest.approx(high), 6)


def test_a_paraphraser_that_changes_nothing_costs_exactly_nothing() -> None:
    for task in (similarity(30), retrieval(12)):
        found = Pteb(paraphraser=list).measure(ENCODER, task)
        assert tuple(found["drop"])[:3] == (0.0, 0.0, 0.0)
        assert found["spread"].value == 0.0
        assert (found["overlap"].value, found["changed"].value) == (1.0, 0.0)
        assert found["original"].value == score(ENCODER, task).value()


def test_overlap_is_the_share_of_words_that_both_have() -> None:
    task = similarity(30)
    found = Pteb(runs=2, paraphraser=lambda texts: [f"{text} indeed" for text in texts]).measure(ENCODER, task)
    texts = {text for pair in task.pairs for text in pair}
    wanted = [len({*t.lower().rstrip(".").split()}) / (len({*t.lower().rstrip(".").split()}) + 1) for t in texts]
    assert found["overlap"].value == pytest.approx(np.mean(wanted), abs=1e-6)
    assert found["changed"].value == 1.0


def test_a_text_is_reworded_alike_in_one_run_and_encoded_once() -> None:
    texts = sentences(6)
    task = similarity(20).rewritten(lambda own: [texts[at % 6] for at in range(len(own))])
    asked: list[str] = []

    def paraphraser(own):
        asked.extend(own)
        return [f"{text} {len(asked)}" for text in own]

    encoder = Counting()
    Pteb(runs=2, paraphraser=paraphraser).measure(encoder, task)
    assert len(asked) == 12
    assert len(encoder.texts) == len(set(encoder.texts)) == 18


def test_the_offline_paraphraser_is_seeded() -> None:
    task = similarity(30).rewritten(lambda own: [f"The big lawyer often verified errors. {text}" for text in own])
    one, same, other = (Pteb(runs=2, random_state=seed).measure(ENCODER, task) for seed in (1, 1, 2))
    assert one == same
    assert one["reworded"] != other["reworded"]
    assert one["changed"].value > 0.9


def test_a_paraphraser_that_loses_a_text_is_refused() -> None:
    with pytest.raises(InputError, match="paraphraser: want a text for each of 48, got 47"):
        Pteb(paraphraser=lambda texts: texts[1:]).measure(ENCODER, similarity(24))
    with pytest.raises(OptionError, match="runs: want at least 2, got 1"):
        Pteb(runs=1).measure(ENCODER, similarity())


def ranks_by_hand(x: np.ndarray, places, *, centre: bool, metric: str) -> list[list[int]]:
    """The paper's loop: the number of texts nearer than the partner, the text itself among them; at least 1."""
    x = x.astype(np.float64)
    if centre:
        x = x - x.mean(axis=0)
    if metric == "cosine":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    found = []
    for one, other in places:
        sides = []
        for a, b in ((one, other), (other, one)):
            near = [x[a] @ y if metric == "cosine" else 1 / (1 + np.linalg.norm(x[a] - y)) for y in x]
            sides.append(max(1, sum(n > near[b] + 1e-12 for n in near)))
        found.append(sides)
    return found


@reference("evalrank")
@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_ranks_are_those_of_the_papers_loop(centre: bool, metric: str) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(120, 8)) * rng.uniform(0.5, 2, (120, 1)) + 2
    places = [(i, i + 60) for i in range(60)]
    x[60:] = x[:60] + rng.normal(size=(60, 8))
    found = Evalrank(centre=centre, metric=metric).ranks(x, places)
    assert found.tolist() == ranks_by_hand(x, places, centre=centre, metric=metric)
    assert found.max() > 5


def test_hits_and_mrr_are_means_over_both_sides_of_each_pair() -> None:
    two = [(one, other) for one, other in pairs(20) if one != other]
    background = sentences(80, seed=9)
    found = Evalrank().measure(ENCODER, two, background)
    every = list(dict.fromkeys([*(text for pair in two for text in pair), *background]))
    ranks = np.array(
        ranks_by_hand(
            ENCODER.encode(every), [(every.index(a), every.index(b)) for a, b in two], centre=True, metric="cosine"
        )
    )
    assert found["MRR"].value == pytest.approx((1 / ranks).mean(), abs=1e-6)
    assert found["hits@1"].value == pytest.approx((ranks <= 1).mean())
    assert found["hits@3"].value == pytest.approx((ranks <= 3).mean())
    assert found["mean rank"].n == len(two)


def test_copies_have_rank_one_and_random_rows_a_random_one() -> None:
    x = np.random.default_rng(0).normal(size=(4000, 32))
    assert Evalrank().ranks(np.tile(x[:50], (2, 1)), [(i, i + 50) for i in range(50)]).tolist() == [[1, 1]] * 50
    random = Evalrank().ranks(x, [(i, i + 2000) for i in range(1000)])
    assert (1 / random).mean() < 0.01
    assert random.mean() == pytest.approx(2000, rel=0.05)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_an_encoder_to_which_all_texts_are_alike_finds_no_partner(metric: str) -> None:
    found = Evalrank(metric=metric).ranks(np.ones((40, 6)), [(i, i + 20) for i in range(20)])
    assert found.tolist() == [[39, 39]] * 20


def test_rewording_is_not_measured_where_the_score_itself_is_no_number() -> None:
    with pytest.raises(InputError, match="tells texts apart"):
        Pteb(runs=2).measure(Alike(), similarity(12))


def test_a_larger_crowd_never_raises_a_partner() -> None:
    two, crowd = [(one, other) for one, other in pairs(12) if one != other], sentences(60, seed=4)
    small = Evalrank(centre=False).measure(ENCODER, two)["mean rank"].value
    large = Evalrank(centre=False).measure(ENCODER, two, crowd)["mean rank"].value
    assert large >= small


def test_a_text_beside_itself_is_refused() -> None:
    with pytest.raises(InputError, match="pairs: want at least 2 of two different texts each"):
        Evalrank().measure(ENCODER, [("one", "two"), ("one", "one")])
    with pytest.raises(InputError, match="got 1"):
        Evalrank().measure(ENCODER, [("one", "two")])
    with pytest.raises(OptionError, match="metric: want one of cosine, euclidean; got 'dot'"):
        Evalrank(metric="dot").measure(ENCODER, pairs(4))
