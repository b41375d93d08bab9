"""The recipe that was planted is the one that is named, and where none was, none is."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import planting
import pytest

from semascope.doctor.naming import name_recipe
from semascope.encoders import TransformerEncoder, read_otherwise
from semascope.encoders.head import Head
from semascope.errors import InputError

# Names of planting.plan that each run of the tests tries; the slow test tries all of them on more corpora.
ESSAYS = (
    *("own", "last word", "layers (1, -1)", "first cut at 128 right", "mean cut at 32 left"),
    *("passage prompt cut at 64", "mean without prompt", "sum", "five choices at once", "text alone"),
    *("first cut at 64, centred", "first cut at 128, rotated", "max cut at 64, bits", "title alone, passage prompt"),
    *("flipped", "bfloat16", "int8 by column", "cut, not unit", "permuted", "rows scaled"),
    *("lost_in_the_middle", "standardised and shuffled", "prompt, float16 and shifted"),
)
QUESTIONS = ("whitened", "components", "components, unit", "backwards", "swapped_a_few", "shifted_by_3")
STATIC = ("query prompt", "int8", "cut", "shuffled")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return planting.tiny_bert(tmp_path_factory.mktemp("tiny"))


@cache
def world(encoder: Any, corpus: str) -> planting.World:
    made = {"essays": planting.essays, "questions": planting.questions, "docstrings": planting.docstrings}[corpus]()
    return planting.World(encoder.name, encoder, made)


def check(where: planting.World, name: str) -> None:
    case = planting.plan(where)[name]()
    naming = name_recipe(case.values, case.texts, where.encoder, titles=case.titles)
    assert planting.named(naming, case), f"{naming.says} {naming.steps.says} wanted {case.expected} {case.steps}"
    json.dumps(naming.numbers, allow_nan=False)


@pytest.mark.parametrize("name", ESSAYS)
def test_what_was_planted_in_long_texts_is_named(tiny: Any, name: str) -> None:
    check(world(tiny, "essays"), name)


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_was_planted_in_many_short_texts_is_named(tiny: Any, name: str) -> None:
    check(world(tiny, "questions"), name)


@pytest.mark.parametrize("name", STATIC)
def test_what_was_planted_with_a_static_encoder_is_named(name: str) -> None:
    check(world(planting.static(), "docstrings"), name)


@pytest.mark.parametrize("name", ["first"])
def test_what_was_planted_with_minilm_is_named(name: str) -> None:
    short = planting.World("minilm", planting.minilm(), planting.questions(60))
    check(short, name)


def test_nothing_is_named_with_confidence_where_no_recipe_made_the_rows(tiny: Any, tmp_path: Path) -> None:
    others = {
        "another model": planting.tiny_bert(tmp_path / "other", seed=9),
        "weights changed by a fiftieth": planting.tiny_bert(tmp_path / "fiftieth", noise=0.02),
        "a static encoder": planting.static(),
    }
    where = planting.World("tiny", tiny, planting.questions(160))
    made = planting.nameless(where, others)
    assert len(made) >= 16
    wrong = {
        name: naming.says
        for name, values in made.items()
        if (naming := name_recipe(values, where.corpus.texts, tiny)).sure or naming.steps.kind != "unknown"
    }
    assert not wrong


def test_rows_of_two_recipes_are_both_named_with_their_counts(tiny: Any) -> None:
    where = world(tiny, "essays")
    a, b = (planting.unit(where.vectors(**how)) for how in ({"pooling": "first"}, {"max_length": 64}))
    first = np.random.default_rng(4).random(len(a)) < 0.6
    naming = name_recipe(np.where(first[:, None], a, b), where.corpus.texts, tiny, titles=where.corpus.titles, rows=110)
    assert naming.sure
    assert naming.best is not None
    assert naming.best.pooling == "first"
    assert round(naming.matched.value * naming.rows) == first.sum()
    (other, count), *rest = naming.also
    assert (other.pooling, other.reading.max_length, count, rest) == ("mean", 64, int((~first).sum()), [])
    assert naming.steps.kind == "in step"


def test_texts_without_a_row_are_listed(tiny: Any) -> None:
    where = world(tiny, "essays")
    x = np.delete(planting.unit(where.vectors()), [20, 21, 22, 70], axis=0)
    naming = name_recipe(x, where.corpus.texts, tiny, titles=where.corpus.titles)
    assert naming.steps.kind == "shifted"
    assert naming.steps.missing == (20, 21, 22, 70)
    assert [piece.shift for piece in naming.steps.pieces] == [0, -3, -4]


def test_several_encoders_are_tried_and_the_one_that_made_the_rows_is_named(tiny: Any) -> None:
    where = world(tiny, "questions")
    x = planting.unit(where.vectors(pooling="first"))[:200]
    naming = name_recipe(x, where.corpus.texts[:200], [planting.static(), tiny])
    assert naming.sure
    assert naming.best is not None
    assert (naming.best.encoder, naming.best.pooling) == (tiny.name, "first")
    assert not naming.best.own


def test_cuts_that_no_text_reaches_are_stated_as_not_told_apart(tiny: Any) -> None:
    where = world(tiny, "questions")
    naming = name_recipe(planting.unit(where.vectors(max_length=128))[:100], where.corpus.texts[:100], tiny)
    assert {32, 64, 128, 256} <= {one.reading.max_length for one in naming.same}
    assert "max length" in naming.says


def test_the_same_matrix_gives_the_same_naming(tiny: Any) -> None:
    where = world(tiny, "essays")
    x = planting.unit(where.vectors(pooling="max"))
    one, two = (name_recipe(x, where.corpus.texts, tiny).numbers for _ in range(2))
    assert one == two


def test_what_cannot_be_compared_is_said_not_to_be_known(tiny: Any) -> None:
    naming = name_recipe(np.ones((30, 500), np.float32), planting.questions(30).texts, tiny)
    assert naming.best is None
    assert not naming.sure
    assert "not known" in naming.says


def test_progress_is_told_while_texts_are_read(tiny: Any) -> None:
    told: list[int] = []
    where = world(tiny, "questions")
    x = planting.unit(where.vectors())[:40]
    name_recipe(x, where.corpus.texts[:40], tiny, progress=lambda done, _: told.append(done))
    assert told == list(range(1, len(told) + 1))
    assert told


@pytest.mark.parametrize(
    ("values", "texts", "says"),
    [
        (np.ones(3), ["a"], "values: want numbers in rows"),
        (np.ones((2, 2)), [], "texts: want"),
        (np.ones((2, 2)), "ab", "texts: want a list"),
    ],
)
def test_what_is_no_matrix_with_texts_is_refused(tiny: Any, values: Any, texts: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        name_recipe(values, texts, tiny)


@pytest.mark.slow
def test_first_token_vectors_of_abstracts_cut_at_128_are_named(shared: Path) -> None:
    papers, encoder = planting.papers(shared), planting.minilm()
    with pytest.warns(UserWarning, match="were cut at 128"):
        x = read_otherwise(encoder, max_length=128, head=Head(("first",), normalize=True)).encode(papers.texts)
    naming = name_recipe(x, papers.texts, encoder, titles=papers.titles)
    assert naming.sure
    assert naming.best is not None
    assert (naming.best.pooling, naming.best.reading.max_length, naming.best.layers) == ("first", 128, (6,))
    assert naming.cosine.value > 0.99999
    # Letters are lowered by the tokenizer, but for a few signs: that one is nearer than any other maximum length.
    assert naming.runner_up_cosine < 0.9999
    assert max((cosine for name, cosine in naming.tried if "cut at 128" not in name), default=0.0) < 0.99


@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["questions", "essays", "docstrings"])
@pytest.mark.parametrize("which", ["tiny", "static", "minilm"])
def test_nineteen_of_twenty_are_named_exactly(tiny: Any, which: str, corpus: str) -> None:
    encoder = tiny if which == "tiny" else getattr(planting, which)()
    where = world(encoder, corpus)
    missed = {}
    cases = planting.plan(where)
    for name, make in cases.items():
        case = make()
        naming = name_recipe(case.values, case.texts, encoder, titles=case.titles)
        if not planting.named(naming, case):
            missed[name] = f"sure={naming.sure} {naming.says} {naming.steps.says} wanted {case.expected} {case.steps}"
    print(f"{which} on {corpus}: {len(cases) - len(missed)} of {len(cases)} named")
    assert len(missed) <= 0.05 * len(cases), "\n".join(f"{name}: {says}" for name, says in missed.items())


def test_of_several_encoders_the_quick_ones_are_asked_first_and_a_slow_one_only_if_need_be(tiny: Any) -> None:
    texts = [text[:160] for text in planting.docstrings().texts[:60]]
    slow = _Counted(tiny)
    static = planting.static()
    naming = name_recipe(static.encode(texts), texts, [slow, static])
    assert naming.sure
    assert naming.best is not None
    assert naming.best.encoder == static.name
    assert slow.runs == 0
    assert name_recipe(tiny.encode(texts), texts, [static, tiny]).best.encoder == tiny.name


class _Counted(TransformerEncoder):
    """A transformer that counts how often its states are asked for."""

    def __init__(self, encoder: TransformerEncoder) -> None:
        super().__init__(
            encoder.engine, encoder.tokenizer, head=encoder.head, manner=encoder.manner, origin=encoder.origin
        )
        self.runs = 0

    def states(self, *args: Any, **how: Any) -> Any:
        self.runs += 1
        return super().states(*args, **how)

    def run(self, *args: Any, **how: Any) -> Any:
        self.runs += 1
        return super().run(*args, **how)
