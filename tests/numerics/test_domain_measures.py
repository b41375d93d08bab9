"""Measures for a field of one's own, against loops, scipy and scikit-learn: compass, position bias, probes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from semascope.checking import load
from semascope.errors import InputError, OptionError
from semascope.evaluation.dwell_in_the_beginning import DwellInTheBeginning
from semascope.evaluation.senteval_study import SentevalStudy
from semascope.evaluation.telecom_compass import TelecomCompass, _kernel, _shares, _table
from semascope.lab import Lab
from semascope.metrics import paired
from semascope.ops.probing import Question, answers, dealt, grouped_folds, near_groups, probed, question, word_types
from semascope.tasks import Retrieval
from semascope.testing.asking import WordSums, documents, retrieval, sentences

reference = pytest.mark.reference
LAB = Lab(31)


def rows_of(task: Retrieval, noise: float = 1.0) -> dict[str, Any]:
    rng = LAB.rng(1)
    docs = rng.normal(size=(len(task.documents), 12))
    names = list(task.documents)
    gold = [docs[names.index(next(iter(task.judged[name])))] for name in task.units]
    return {"documents": docs, "queries": np.array(gold) + noise * rng.normal(size=(len(gold), 12))}


@reference("telecom_compass")
def test_accuracy_threshold_and_precision_are_those_of_a_loop_over_queries() -> None:
    task = retrieval(40)
    rows = rows_of(task)
    method = TelecomCompass(k=3, recall=0.8)
    docs = rows["documents"] / np.linalg.norm(rows["documents"], axis=1, keepdims=True)
    asked = rows["queries"] / np.linalg.norm(rows["queries"], axis=1, keepdims=True)
    names, right, correct, near = list(task.documents), [], [], []
    for row, name in zip(asked, task.units, strict=True):
        scores = {other: float(row @ docs[names.index(other)]) for other in names}
        first = sorted(names, key=lambda other: -scores[other])[:3]
        gold = next(iter(task.judged[name]))
        right.append(gold in first)
        correct.append(scores[gold])
        near.append([(scores[other], other == gold) for other in first])
    found = method.judge(task, rows)
    assert found["accuracy@3"].value == pytest.approx(np.mean(right))
    assert method.scores(task, rows).value() == pytest.approx(np.mean(right))
    # 41 scores counting the one to come: a fifth of them, eight, may lie below.
    assert found["threshold"].value == pytest.approx(sorted(correct)[7], abs=1e-6)
    pairs = method._pairs(task, rows)
    assert sorted(pairs.retrieved.ravel()) == pytest.approx(sorted(s for one in near for s, _ in one), abs=1e-6)
    assert pairs.hit.sum() == sum(hit for one in near for _, hit in one)
    assert found["lowest retrieved"].value <= min(min(s for s, _ in one) for one in near) + 0.05


@reference("telecom_compass")
@pytest.mark.parametrize("apart", [0.0, 0.1, 0.3])
def test_overlap_is_the_integral_of_scipys_densities(apart: float) -> None:
    from scipy.stats import gaussian_kde

    rng = LAB.rng(2)
    one, other = 0.1 * rng.normal(size=400), apart + 0.15 * rng.normal(size=900)
    place = np.linspace(-1.5, 1.5, 4001)
    wanted = np.trapezoid(np.minimum(gaussian_kde(one)(place), gaussian_kde(other)(place)), place)
    tables = [_table(values, np.zeros(len(values), np.int64), 1) for values in (one, other)]
    shares = [(_shares(table) @ _kernel(table[0]))[0] for table in tables]
    assert np.minimum(*shares).sum() == pytest.approx(wanted, abs=0.01)


def test_the_threshold_of_one_half_lets_the_wanted_share_of_the_other_through() -> None:
    task = retrieval(300)
    rows = rows_of(task)
    found = [TelecomCompass(recall=0.9, draws=100, random_state=s).judge(task, rows)["recall"].value for s in range(8)]
    assert np.mean(found) == pytest.approx(0.9, abs=0.03)


def test_two_encoders_are_compared_query_by_query_and_their_spread_can_be_drawn() -> None:
    task, method = retrieval(60), TelecomCompass(k=2)
    good, bad = rows_of(task, 0.2), rows_of(task, 3.0)
    difference = paired(method.scores(task, bad), method.scores(task, good))
    assert difference.value > 0.2
    assert difference.shown
    spread = method.spread(task, good, bins=20)
    assert len(spread["edges"]) == 21
    assert {name: round(sum(shares), 9) for name, shares in spread["series"].items()} == dict.fromkeys(
        ("correct", "retrieved", "random"), 1.0
    )
    assert spread["edges"][0] <= spread["marks"]["95% of correct"] <= spread["edges"][-1]


@reference("telecom_compass")
@pytest.mark.parametrize(("share", "n"), [(0.02, 60), (0.98, 60), (0.3, 60)])
def test_the_interval_of_accuracy_holds_the_truth_though_few_are_right_or_wrong(share: float, n: int) -> None:
    from scipy.stats import binomtest

    rng, method, held = LAB.rng(9), TelecomCompass(draws=400), 0
    for _ in range(200):
        values = (rng.random(n) < share).astype(float)
        one = method.interval(values)
        held += one.low <= share <= one.high
    assert held >= 184
    few = method.interval(np.repeat([1.0, 0.0], [3, 57]))
    theirs = binomtest(3, 60).proportion_ci(method="wilson")
    assert (few.low, few.high) == pytest.approx((theirs.low, theirs.high))


def test_a_compass_refuses_what_it_cannot_judge() -> None:
    with pytest.raises(InputError, match="at least 4 queries"):
        TelecomCompass().judge(retrieval(2), rows_of(retrieval(2)))
    with pytest.raises(OptionError, match="recall: want"):
        TelecomCompass(recall=1.0).judge(retrieval(8), rows_of(retrieval(8)))
    every = Retrieval("all right", {"d": "a"}, dict.fromkeys("abcd", "a"), {name: {"d": 1.0} for name in "abcd"})
    with pytest.raises(InputError, match="not relevant"):
        TelecomCompass().judge(every, {"documents": np.ones((1, 3)), "queries": np.ones((4, 3))})


class Placed:
    """A text is the weighted sum of its words; the weight falls with the place."""

    def __init__(self, longest: int | None = None) -> None:
        self.sums = WordSums(dim=48)
        self.asked: list[str] = []
        if longest is not None:
            self.max_length = longest
            self.count_tokens = lambda texts: np.array([len(text.split()) + 2 for text in texts])

    def encode(self, texts: list[str], *, kind: str = "document") -> np.ndarray:
        assert kind in ("document", "query")
        self.asked += texts
        return np.stack([self.one(text) for text in texts])

    def one(self, text: str) -> np.ndarray:
        own = text.split()
        return np.sum([np.exp(-at / 20) * self.sums.encode([word])[0] for at, word in enumerate(own)], axis=0)


def cos(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@reference("dwell_in_the_beginning")
def test_relocated_values_are_those_of_texts_put_together_by_hand() -> None:
    texts, encoder = documents(6, 3), Placed()
    method = DwellInTheBeginning(slots=3, words=1000, most=2)
    found = method.values(encoder, texts)
    # All texts are shorter than `words`, so that passages are whole texts: find the groups in what was encoded.
    wholes = encoder.asked[:6]
    order = [next(text for text in texts if whole.startswith(text)) for whole in wholes]
    for group in range(2):
        mine = order[3 * group : 3 * group + 3]
        for slot in range(3):
            wanted = []
            for passage in mine:
                turn = next(mine[(t + slot) % 3] == passage and t for t in range(3) if mine[(t + slot) % 3] == passage)
                whole = " ".join(mine[(turn + s) % 3] for s in range(3))
                assert whole in wholes
                wanted.append(cos(encoder.one(whole), encoder.one(passage)))
            assert found["relocated"][group, slot] == pytest.approx(np.mean(wanted), abs=1e-5)
    slope = [np.polyfit([0, 0.5, 1], row, 1)[0] for row in found["relocated"]]
    assert method.summary(found)["relocated: slope"].value == pytest.approx(np.mean(slope))
    assert method.summary(found)["relocated: begins - ends"].low > 0
    line = method.by_slot(found)["relocated"]
    assert [point[0] for point in line] == [1.0, 2.0, 3.0]
    assert line[0][1] == pytest.approx(found["relocated"][:, 0].mean())


@reference("dwell_in_the_beginning")
def test_parts_of_a_document_are_compared_in_both_orders() -> None:
    text, encoder = documents(1, 9)[0], Placed()
    own = [" ".join(part) for part in np.array_split(text.split(), 3)]
    found = DwellInTheBeginning(slots=3)._parted(encoder, [text])
    turned = " ".join(own[::-1])
    np.testing.assert_allclose(found["own order"][0], [cos(encoder.one(text), encoder.one(o)) for o in own], atol=1e-5)
    np.testing.assert_allclose(
        found["reversed"][0], [cos(encoder.one(turned), encoder.one(o)) for o in own[::-1]], atol=1e-5
    )
    gone = [1 - cos(encoder.one(text), encoder.one(" ".join(own[:s] + own[s + 1 :]))) for s in range(3)]
    back = own[::-1]
    gone_back = [1 - cos(encoder.one(turned), encoder.one(" ".join(back[:s] + back[s + 1 :]))) for s in range(3)]
    np.testing.assert_allclose(found["left out"][0], (np.array(gone) + gone_back) / 2, atol=1e-5)


def test_words_without_order_show_no_bias_though_what_stands_first_is_telling() -> None:
    # Every document begins with what it is about, which its later parts repeat.
    texts = [" ".join([text.split()[0]] * 20 + text.split()) for text in documents(12, 5)]
    found = DwellInTheBeginning(slots=3, most=12).measure(WordSums(), texts)
    assert abs(found["relocated: begins - ends"].value) < 1e-6
    assert abs(found["either order: begins - ends"].value) < 1e-6
    assert found["own order: begins - ends"].value == pytest.approx(found["content: begins - ends"].value, abs=1e-6)


def test_no_text_is_longer_than_the_encoder_reads_and_what_it_cuts_is_counted() -> None:
    texts, encoder = documents(8, 12), Placed(longest=60)
    found = DwellInTheBeginning(slots=4).measure(encoder, texts)
    assert max(len(text.split()) + 2 for text in encoder.asked) <= 60
    wanted = np.mean([max(0, 1 - 60 / (len(text.split()) + 2)) for text in texts])
    assert found["unread"].value == pytest.approx(wanted)


def test_documents_that_are_too_few_or_unasked_are_refused() -> None:
    with pytest.raises(InputError, match="at least 8 of 20"):
        DwellInTheBeginning(slots=4).measure(WordSums(), documents(7))
    with pytest.raises(InputError, match="queries: want one for each"):
        DwellInTheBeginning(slots=2).measure(WordSums(), documents(8), ["one"])


def texts_of(n: int = 900, seed: int = 3) -> list[str]:
    """Sentences of made-up words, some common and some rare, that begin with one of six."""
    rng = np.random.default_rng(seed)
    every = ["".join(rng.choice(list("bdfgklmnprstv"), 3)) + rng.choice(["", "ing", "s", "ly"]) for _ in range(400)]
    share = 1 / np.arange(5, 405)
    return [
        " ".join(
            [
                str(rng.choice(["Now", "Here", "Then", "Once", "Still", "Soon"])),
                *rng.choice(every, 9, p=share / share.sum()),
            ]
        )
        for _ in range(n)
    ]


@reference("senteval_study")
def test_the_linear_probe_answers_as_scikit_learns_discriminant_held_out_by_group() -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rng = LAB.rng(4)
    labels = np.array(rng.choice(["a", "b", "c"], 600), dtype=object)
    x = (np.array([np.eye(3, 20)["abc".index(label)] for label in labels]) * 2 + rng.normal(size=(600, 20))).astype(
        np.float32
    )
    groups = np.arange(600) // 3
    right = np.zeros(600)
    for learn, out in grouped_folds(groups, 3, np.random.default_rng(0)):
        assert not set(groups[learn]) & set(groups[out])
        model = LinearDiscriminantAnalysis().fit(x[learn], labels[learn].astype(str))
        mine = answers(x[learn], labels[learn], x[out])
        assert (mine == model.predict(x[out])).mean() > 0.9
        right[out] = model.predict(x[out]) == labels[out]
    asked = Question(
        "q", tuple(map(str, range(600))), labels, groups, np.array(list(map(str, range(600))), dtype=object)
    )
    found = probed(x, asked)
    assert found["right"].value == pytest.approx(right.mean(), abs=0.02)
    assert found["majority"].value == pytest.approx(Counter(labels).most_common(1)[0][1] / 600)
    assert abs(found["control"].value - 1 / 3) < 0.07
    assert found["selectivity"].value == pytest.approx(found["right"].value - found["control"].value)


def test_what_remembers_types_is_right_on_the_control_task_and_not_selective() -> None:
    rng = LAB.rng(5)
    types = np.array([f"w{i}" for i in rng.integers(0, 12, 600)], dtype=object)
    labels = np.array(rng.choice(["a", "b"], 600), dtype=object)
    rows = np.array([np.eye(12)[int(name[1:])] for name in types], np.float32)
    found = probed(rows, Question("q", ("",) * 600, labels, np.arange(600), types))
    assert found["control"].value > 0.95
    assert abs(found["right"].value - 0.5) < 0.08
    assert found["selectivity"].high < 0
    assert set(dealt(labels, types, rng)) == {"a", "b"}


def test_the_network_answers_what_no_linear_probe_can() -> None:
    rng = LAB.rng(6)
    x = rng.normal(size=(2400, 2)).astype(np.float32)
    labels = np.array(["same" if one * other > 0 else "other" for one, other in x], dtype=object)
    right = {
        name: (answers(x[:1600], labels[:1600], x[1600:], probe=name) == labels[1600:]).mean()
        for name in ("linear", "mlp")
    }
    assert right["linear"] < 0.65
    assert right["mlp"] > 0.8


def test_near_copies_are_one_group_and_types_are_shared_words() -> None:
    own = [
        text.split()
        for text in (
            "the red cat sat down here",
            "the red cat sat down there",
            "a boat came in",
            "down sat the red cat here",
        )
    ]
    groups = near_groups(own)
    assert groups[0] == groups[1] == groups[3] != groups[2]
    assert len(set(near_groups(own[1:3], ["x", "x"]))) == 1
    made = word_types([f"{word} common thing".split() for word in ["boat"] * 3 + ["tea"] * 2 + list("abcdefghij") * 6])
    assert made[:5] == ["boat"] * 3 + ["tea"] * 2


@reference("senteval_study")
def test_questions_change_what_they_say_and_nothing_else() -> None:
    texts = texts_of()
    asked = SentevalStudy(least=30).questions(texts)
    assert {"order", "odd word", "opening"} <= set(asked)
    order = asked["order"]
    known = {tuple(sorted(text.split())): text for text in texts}
    for text, label in zip(order.texts, order.labels, strict=True):
        before = known[tuple(sorted(text.split()))]
        moved = [at for at, (a, b) in enumerate(zip(text.split(), before.split(), strict=True)) if a != b]
        assert len(moved) == (2 if label == "exchanged" else 0)
        assert not moved or moved[1] - moved[0] == 1
    odd = asked["odd word"]
    assert set(odd.labels) == {"as it was", "replaced"}
    for text, label in zip(odd.texts, odd.labels, strict=True):
        assert (text in set(texts)) == (label == "as it was")
    for name, one in asked.items():
        counts = Counter(one.labels.tolist())
        assert name == "word" or len(set(counts.values())) == 1, name


def test_an_order_free_encoder_is_at_chance_on_order_and_high_on_openings() -> None:
    found = SentevalStudy(least=30, most=600).measure(WordSums(dim=64), texts_of())
    assert abs(found["order: right"].value - 0.5) < 0.07
    assert found["opening: right"].value > found["opening: majority"].value + 0.2
    assert found["dimension"].value == 64


def test_tense_number_and_clauses_are_told_from_plain_english() -> None:
    rng = LAB.rng(7)
    verbs = [
        ("opens", "opened"),
        ("calls", "called"),
        ("keeps", "kept"),
        ("prints", "printed"),
        ("runs", "ran"),
        ("knows", "knew"),
        ("adds", "added"),
    ]
    texts: list[str] = ["Opening, calling, printing and adding, all of it fun."]
    for number, text in enumerate(texts_of(400, 9)):
        verb = verbs[number % 7][number // 7 % 2]
        noun = str(rng.choice(["file", "boat", "clock", "map", "stone", "tower", "ship"])) + str(rng.choice(["", "s"]))
        who = rng.choice(["Anna", "Ben", "Carla", "David", "Emma"])
        own = text.split()
        texts.append(f"{who} {verb} the {noun} {' '.join(own[1:5])}, and someone waits {' '.join(own[5:])}.")
    asked = SentevalStudy(least=20).questions(texts)
    for text, label in zip(asked["tense"].texts, asked["tense"].labels, strict=True):
        assert any(pair[label == "past"] in text for pair in verbs)
    for text, label in zip(asked["number"].texts, asked["number"].labels, strict=True):
        assert text.split("the ")[1].split()[0].endswith("s") == (label == "many")
    for text, label in zip(asked["clauses"].texts, asked["clauses"].labels, strict=True):
        assert text.startswith("Someone waits") == (label == "exchanged")
        assert text.endswith(".")


def test_pairs_are_told_from_how_far_apart_and_how_alike_they_are() -> None:
    every = sentences(400, 8)
    pairs = [(text, text if at % 2 else every[at - 1]) for at, text in enumerate(every)]
    found = SentevalStudy().transfer(WordSums(), pairs, ["same" if at % 2 else "other" for at in range(400)])
    assert found["right"].value > 0.95
    with pytest.raises(InputError, match="labels: want"):
        SentevalStudy().transfer(WordSums(), pairs, ["same"])


def test_too_few_sentences_are_refused() -> None:
    with pytest.raises(InputError, match="at least"):
        SentevalStudy().measure(WordSums(), sentences(20))
    with pytest.raises(InputError, match="a row for each"):
        probed(np.zeros((2, 3)), question("q", ["a"], ["b"]))


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("telecom_compass", "overlap goes with accuracy"),
        ("senteval_study", "order is read off"),
        ("dwell_in_the_beginning", "beginning is favoured"),
        ("evalrank", "rank follows use as well"),
    ],
)
def test_a_control_is_followed_to_the_last_figure(name: str, last: str) -> None:
    kept = load(name)
    assert kept is not None
    assert kept.control
    for one in [*kept.found, *kept.control]:
        assert one.numbers[last] in (0, 1)
        assert one.holds == (one.numbers["instrument is sound"] == 1 and one.numbers[last] == 1)
