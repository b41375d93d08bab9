"""Tune finds what was planted, says so where there is nothing, and hands over an encoder that gives what it promised."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from semascope import registry
from semascope.cli.app import app
from semascope.cli.tune import _next, _tasks
from semascope.encoders import Encoder
from semascope.errors import InputError, OptionError
from semascope.ops import unit
from semascope.recipe import Part, parse
from semascope.space import Space
from semascope.tasks import Retrieval, Similarity
from semascope.testing import asking
from semascope.testing.model import TinyModel
from semascope.tune import report, save_tuned, tune
from semascope.tune.given import GivenVectors, given_vectors
from semascope.tune.lexical import Blend, blended, words
from semascope.tune.recipes import Reading
from semascope.tune.tricks import tricks


def planted(seed: int, n: int = 240, dim: int = 24) -> tuple[Similarity, GivenVectors]:
    """Pairs whose likeness is the cosine of what is left when one loud direction, which says nothing, is removed."""
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(n, dim))
    other = one * rng.uniform(0, 1, (n, 1)) + rng.normal(size=(n, dim)) * rng.uniform(0.2, 1.5, (n, 1))
    gold = np.einsum("ij,ij->i", unit(one), unit(other))
    loud = rng.normal(size=(2 * n, 1)) * 12 * unit(rng.normal(size=(1, dim)))
    x = np.concatenate([one, other]) + loud
    names = [f"text {place}" for place in range(2 * n)]
    task = Similarity("planted", list(zip(names[:n], names[n:], strict=True)), gold.tolist())
    order = [text for pair in task.pairs for text in pair]
    rows = dict(zip(names, x.astype(np.float32), strict=True))
    return task, GivenVectors(
        {kind: (order, np.array([rows[text] for text in order])) for kind in ("document", "query")}
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_a_recipe_that_was_planted_is_found(seed: int) -> None:
    task, vectors = planted(seed)
    found = tune(None, vectors, [task], seed=seed)
    assert found.outcome == "better"
    assert found.chosen.change.kind in ("remove", "whiten")
    assert found.winner.overall.value > 0.2
    assert found.winner.gains[0].low > 0
    tried = {one.trick.name: one for one in found.tried}
    assert tried["whitening"].verdict == "holds"
    assert report(found, "planted").verdict.startswith("vectors | ")


@pytest.mark.parametrize("seed", range(5))
def test_random_judgements_choose_nothing(seed: int) -> None:
    task, vectors = planted(seed, n=120)
    rng = np.random.default_rng((seed, 1))
    noise = Similarity("noise", task.pairs, rng.normal(size=len(task.pairs)).tolist())
    found = tune(None, vectors, [noise], seed=seed)
    assert found.outcome in ("none", "kept")
    assert "Nothing is shown to beat vectors as it is" in report(found, "noise").verdict
    best = max(found.searched.quality(one) for one in found.searched.whole)
    assert best > found.searched.quality(found.searched.plain) + 0.02  # the best of many looks better on what chose it


def test_a_reading_that_is_the_same_for_all_texts_has_no_quality_and_spoils_nothing() -> None:
    task = asking.similarity(60)
    found = tune(None, TinyModel(depth=1, width=8), [task], seed=1)  # the first token's embedding is every text's
    alike = [one for one in found.searched.values if one.reading == Reading((0,), "first")]
    assert alike
    assert all(found.searched.quality(one) == -np.inf for one in alike)
    said = report(found, "made up")
    assert "nan" not in said.html()
    assert said.pictures[2].values[0][2] is None


def test_the_same_seed_chooses_the_same() -> None:
    task, vectors = planted(3, n=60)
    one, other = (tune(None, vectors, [task], seed=4) for _ in range(2))
    assert one.chosen == other.chosen
    assert dict(one.searched.values) == dict(other.searched.values)
    assert [a.gains for a in one.finalists] == [a.gains for a in other.finalists]


def test_other_judgements_can_confirm() -> None:
    task, vectors = planted(0)
    half = np.arange(60)
    one, other = task.part(half), task.part(half + 60)
    found = tune(None, vectors, [one], confirm_on=[other])
    assert [(chose, confirmed) for *_, chose, confirmed in found.tasks] == [(60, 60)]
    assert found.winner.gains[0].n == 60
    with pytest.raises(InputError, match="confirm_on: want tasks of the kinds similarity"):
        tune(None, vectors, [one], confirm_on=[asking.retrieval(30)])


def test_a_budget_is_kept_and_one_that_nothing_meets_is_said() -> None:
    task, vectors = planted(1)
    found = tune(None, vectors, [task.part(np.arange(120))], budget="12 bytes")
    assert found.chosen.bytes <= 12
    assert found.outcome in ("better", "cheaper")
    least = tune(None, vectors, [task.part(np.arange(40))], budget="1 bytes")
    assert least.outcome == "too dear"
    assert least.chosen.bytes == min(one.bytes for one in least.searched.values)
    assert "is within 1 bytes; the nearest is" in report(least, "planted").verdict


def test_several_tasks_count_alike() -> None:
    task, vectors = planted(0)
    found = tune(None, vectors, [task.part(np.arange(80)), task.part(np.arange(80, 160))])
    assert len(found.winner.gains) == len(found.tasks) == 2
    assert found.outcome == "better"
    assert found.searched.quality(found.searched.plain) == 0
    gain = found.winner.overall
    assert gain.value == pytest.approx(np.mean([one.value for one in found.winner.gains]))
    assert "mean over 2 tasks" in report(found, "planted").verdict


def test_too_few_units_are_refused() -> None:
    task, vectors = planted(0, n=40)
    with pytest.raises(InputError, match="want at least 20 units"):
        tune(None, vectors, [task.part(np.arange(12))])
    with pytest.raises(InputError, match="tasks: want at least one"):
        tune(None, vectors, [])


def test_words_count_as_a_search_of_a_space_counts_them(tmp_path: Path) -> None:
    task = asking.retrieval(30)
    encoder = asking.WordSums()
    given = task.inputs()
    documents, queries = list(given["documents"][0]), list(given["queries"][0])
    x, q = encoder.encode(documents), encoder.encode(queries)
    shares = words(documents, queries).shares
    cosines = unit(q) @ unit(x).T
    with Space.from_arrays(x, documents, list(task.documents), path=tmp_path / "a.space", encoder=encoder) as space:
        for weight in (0.15, 0.5, 0.9):
            scores = blended(cosines, shares, weight)
            ours = Blend(cosines, shares).scores(weight)
            for row, query in enumerate(queries):
                hits = space.search(query, 5, weight=weight)
                at = [int(hit.id[1:]) for hit in hits]
                np.testing.assert_allclose([hit.score for hit in hits], np.sort(scores[row])[::-1][:5], atol=1e-4)
                np.testing.assert_allclose(scores[row, at], [hit.score for hit in hits], atol=1e-4)
                assert set(np.argsort(-ours[row])[:3]) <= set(at) or len(set(np.round(scores[row, at], 5))) < 5


def beir(folder: Path, task: Retrieval) -> Path:
    folder.mkdir()
    rows = [json.dumps({"_id": name, "text": text}) for name, text in task.documents.items()]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    rows = [json.dumps({"_id": name, "text": text}) for name, text in task.queries.items()]
    (folder / "queries.jsonl").write_text("\n".join(rows))
    rows = [
        f"{query}\t{document}\t{int(grade)}" for query, some in task.judged.items() for document, grade in some.items()
    ]
    (folder / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]))
    return folder


def run(*words: str) -> Any:
    return CliRunner().invoke(app, list(words), catch_exceptions=False, standalone_mode=False)


def test_the_verb_chooses_saves_and_says_what_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = beir(tmp_path / "judged", asking.retrieval(60))
    page, out = tmp_path / "tune.html", tmp_path / "tuned"
    given = ["tune", "judged", "--encoder", "default", "--budget", "64 bytes", "--cache", "kept"]
    found = run(*given, "--out", "tuned", "--report", str(page))
    assert "Next: semascope build judged --encoder tuned --out tuned.space" in found.output
    assert "Tricks of papers" in found.output
    assert "<svg" in page.read_text()
    kept = json.loads((out / "tune.json").read_text())
    encoder = Encoder(out)
    assert encoder.passport.dim == encoder.dim
    assert kept["bytes"] <= 64
    made = Encoder(kept["recipe"])
    texts = list(asking.retrieval(60).documents.values())
    if hasattr(made, "fit"):
        made = made.fit(texts)
    np.testing.assert_allclose(encoder.encode(texts[:5]), made.encode(texts[:5]), atol=1e-4)
    run("build", str(source), "--encoder", "tuned", "--out", "tuned.space")
    assert "d0" in run("search", "tuned.space", texts[0], "--json").output
    again = json.loads(run(*given, "--json").output)
    assert again["numbers"]["chosen"]["recipe"] == kept["recipe"]
    with pytest.raises(OptionError, match="--out: want a folder that is not there yet"):
        run(*given, "--out", "tuned")


def test_the_verb_makes_tasks_where_nobody_judged(tmp_path: Path) -> None:
    texts = asking.documents(40, length=6)
    (tmp_path / "notes.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    found = run(
        "tune", str(tmp_path / "notes.jsonl"), "--encoder", "default", "--no-cache", "--json", "--task", "typos"
    )
    answer = json.loads(found.output[found.output.index("{") :])
    assert answer["numbers"]["chosen"]["tasks"][0]["labelled"] is False
    assert any("Nobody judged" in note for note in answer["notes"])


def test_tasks_that_were_made_are_asked_for_by_kind_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text(
        "\n".join(json.dumps({"text": text}) for text in asking.documents(40, length=6))
    )
    given = ["tune", str(tmp_path / "notes.jsonl"), "--encoder", "default", "--no-cache", "--json"]
    with pytest.raises(OptionError, match=r"--task: want one of .*typos \(retrieval\).*, got nothing like it"):
        run(*given, "--task", "nothing like it")
    how: dict[str, Any] = defaultdict(
        lambda: None, tasks=("retrieval",), seed=0, metadata=(), on_bad="report", encoding="utf-8"
    )
    found, _ = _tasks(str(tmp_path / "notes.jsonl"), how, quiet=True)
    assert {task.kind for task in found} == {"retrieval"}


def test_what_cannot_be_saved_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    source = str(beir(tmp_path / "judged", asking.retrieval(30)))
    np.save(tmp_path / "d.npy", np.eye(4, dtype=np.float32))  # far too few rows: they are not looked at
    with pytest.raises(OptionError, match="--out: want an encoder to write"):
        run("tune", source, "--vectors", str(tmp_path / "d.npy"), "--out", str(tmp_path / "tuned"))


def test_confirming_judgements_that_are_too_few_are_refused() -> None:
    task, vectors = planted(0, n=60)
    with pytest.raises(InputError, match="planted: want at least 10 units to choose and to confirm with, got 4"):
        tune(None, vectors, [task], confirm_on=[task.part(np.arange(4))])


def test_what_was_found_is_said_even_where_it_cannot_be_saved(tmp_path: Path) -> None:
    source = str(beir(tmp_path / "judged", asking.retrieval(60)))
    (tmp_path / "file").write_text("in the way")
    runner = CliRunner()
    out = str(tmp_path / "file" / "tuned")
    found = runner.invoke(app, ["tune", source, "--encoder", "default", "--no-cache", "--out", out])
    assert isinstance(found.exception, BaseException)
    assert "Tricks of papers" in found.output
    assert "saved" not in found.output


def test_where_words_count_the_next_step_leads_to_their_weight() -> None:
    task = asking.retrieval(30)
    found = tune(None, "default", [task])
    weighed = replace(found, chosen=replace(found.searched.plain, weight=0.35), finalists=[], plain=found.plain)
    how = {"vectors": None, "data": None, "confirm": None}
    said = _next("docs.jsonl", weighed, [task], None, how)
    assert said.startswith("semascope build docs.jsonl --encoder ")
    assert "&& semascope search tuned.space " in said
    assert said.endswith(" --weight 0.35")
    assert "--encoder tuned --out tuned.space && " in _next("docs.jsonl", weighed, [task], "tuned", how)
    weighed = replace(weighed, finalists=[replace(found.plain, recipe=weighed.chosen)])
    page = report(weighed, "docs", out="tuned")
    assert any("the gain is in the weight of words" in one.says for one in page.findings)
    assert any(note.startswith("The encoder is the plain one") for note in page.notes)


def test_vectors_that_are_there_are_tuned_without_a_model(tmp_path: Path) -> None:
    task = asking.retrieval(60)
    source = beir(tmp_path / "judged", task)
    encoder = asking.WordSums()
    given = task.inputs()
    np.save(tmp_path / "d.npy", encoder.encode(list(given["documents"][0])))
    np.save(tmp_path / "q.npy", encoder.encode(list(given["queries"][0])))
    answer = json.loads(
        run(
            "tune",
            str(source),
            "--vectors",
            str(tmp_path / "d.npy"),
            "--query-vectors",
            str(tmp_path / "q.npy"),
            "--json",
            "--no-cache",
        ).output
    )
    assert answer["numbers"]["chosen"]["recipe"].startswith("vectors")
    assert answer["numbers"]["recipes"] > 250
    with pytest.raises(InputError, match="want those of the queries"):
        given_vectors(task, encoder.encode(["a"]), None)


def test_what_is_chosen_gives_after_saving_what_it_gave(tmp_path: Path) -> None:
    task = asking.retrieval(60)
    found = tune(None, "default", [task], budget="32 bytes")
    save_tuned(found, tmp_path / "tuned")
    texts = list(task.documents.values())[:6]
    np.testing.assert_array_equal(Encoder(tmp_path / "tuned").encode(texts), found.best_encoder.encode(texts))


def test_every_trick_says_where_it_is_from_and_can_be_built() -> None:
    known = tricks(6, 384, 384, ranks=True)
    assert len({one.name for one in known}) == len({one.recipe for one in known}) == len(known) >= 15
    for one in known:
        assert one.card in registry.names() or "(" in one.card
        for part in parse(one.recipe.text(Part("minilm"), words=False))[1:]:
            registry.make(part)
    assert not any(one.recipe.reading.layers for one in tricks(0, 16, 16, ranks=False))
