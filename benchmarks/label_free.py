"""Does a ranking of encoders that needs no labels agree with the one by labels?

python benchmarks/label_free.py --data FOLDER [--cache FOLDER] [--most 400] [--seed 0] [--json FILE]

FOLDER holds `retrieval/cranfield` (BEIR), `sts/stsb-en-dev.jsonl` and `papers.jsonl`; the Python documentation is what is installed.
Some 25 encoders of clearly different and of near quality are scored by labels and by every label-free task that the corpus
allows. Prints a table for each corpus: Kendall's tau with its interval, the share of the pairs that labels tell apart which are put
in the same order, the share of pairs that the task tells apart itself, and what is lost by taking its winner. Vectors are kept in
the cache; the first run takes some 5 CPU-minutes.
"""

from __future__ import annotations

import argparse
import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from semascope import Corpus, Encoder, registry
from semascope.encoders import CutTextWarning
from semascope.metrics.agreement import Agreement, agreement, split_half
from semascope.ops import digest, unit
from semascope.ops.words import LITTLE, words
from semascope.subject.derived import derived_tasks
from semascope.tasks import Retrieval, Similarity

QUESTIONS = Path(__file__).resolve().parents[1] / "tests" / "data"
Rows = Mapping[str, np.ndarray]


def layers_of_minilm(texts: Sequence[str]) -> Rows:
    """Every layer of all-MiniLM under mean pooling, and its last one under others, from one pass."""
    encoder = Encoder("minilm")
    poolings = {name: registry.make(name) for name in ("mean", "first", "max")}
    parts: dict[str, list[np.ndarray]] = {}
    order = np.argsort([len(text) for text in texts], kind="stable")  # texts of one length together
    for start in range(0, len(texts), 64):
        states = encoder.states([texts[i] for i in order[start : start + 64]], layers="all")
        for at, layer in enumerate(states.layers):
            one = replace(states, hidden=states.hidden[at : at + 1], layers=(layer,))
            for name, pooling in poolings.items():
                if name == "mean" or at in (3, len(states.layers) - 1):
                    parts.setdefault(f"minilm[{at}] | {name}", []).append(pooling(one))
    back = np.argsort(order, kind="stable")
    return {name: np.concatenate(found)[back] for name, found in parts.items()}


def counted(texts: Sequence[str]) -> Rows:
    """Encoders that know nothing but letters and words: sums of random vectors."""
    rng = np.random.default_rng(0)
    known: dict[str, np.ndarray] = {}

    def summed(parts: Callable[[str], list[str]]) -> np.ndarray:
        out = np.zeros((len(texts), 384), np.float32)
        for row, text in enumerate(texts):
            for part in parts(text):
                if part not in known:
                    known[part] = rng.normal(size=384).astype(np.float32)
                out[row] += known[part]
        return out

    def trigrams(text: str) -> list[str]:
        line = f" {' '.join(words(text))} "
        return [line[i : i + 3] for i in range(len(line) - 2)]

    return {"random word vectors": summed(words), "random trigram vectors": summed(trigrams)}


def kept(texts: Sequence[str], cache: Path | None) -> dict[str, np.ndarray]:
    """Rows of models, from the cache where a text has been seen before."""
    keys = np.array([digest(text)[:24] for text in texts])
    old: dict[str, np.ndarray] = dict(np.load(cache)) if cache is not None and cache.exists() else {}
    known = {key: row for row, key in enumerate(old.pop("keys", np.array([], "U24")).tolist())}
    new = [place for place, key in enumerate(keys) if key not in known]
    if new:
        asked = [texts[place] for place in new]
        made = {"default": Encoder("default").encode(asked), **layers_of_minilm(asked)}
        old = {name: np.concatenate([old[name], rows]) if old else rows for name, rows in made.items()}
        known |= {str(keys[place]): len(known) + at for at, place in enumerate(new)}
        if cache is not None:
            cache.parent.mkdir(parents=True, exist_ok=True)
            np.savez(cache, keys=np.array(list(known)), **old)
    rows = [known[key] for key in keys.tolist()]
    return {name: found[rows] for name, found in old.items()}


def encoded(texts: Sequence[str], corpus: Sequence[int], cache: Path | None) -> dict[str, np.ndarray]:
    """Rows of every text by encoder; what learns from texts learns from those at `corpus`."""
    return learnt_rows({**kept(texts, cache), **counted(texts)}, texts, corpus)


def learnt_rows(raw: Rows, texts: Sequence[str], corpus: Sequence[int]) -> dict[str, np.ndarray]:
    """Encoders as they are, and what can be made of their rows: cut, quantised, whitened, projected."""
    best, small = raw["minilm[6] | mean"], raw["default"]
    rng = np.random.default_rng(1)

    def learnt(spec: str, rows: np.ndarray) -> np.ndarray:
        method = registry.make(spec).fit(unit(rows)[corpus])
        return method.transform(unit(rows))

    tfidf = latent(texts, corpus)
    return {
        **raw,
        "minilm[4,5,6] | mean": (raw["minilm[4] | mean"] + raw["minilm[5] | mean"] + best) / 3,
        "minilm | truncate(192)": best[:, :192],
        "minilm | truncate(64)": best[:, :64],
        "minilm | truncate(16)": best[:, :16],
        "minilm | random 64": best @ rng.normal(size=(best.shape[1], 64)).astype(np.float32),
        "minilm | random 16": best @ rng.normal(size=(best.shape[1], 16)).astype(np.float32),
        "minilm | int8": learnt("int8", best),
        "minilm | one_bit": learnt("one_bit", best),
        "minilm | whiten": learnt("whiten", best),
        "minilm | remove_top": learnt("remove_top", best),
        "minilm[3] | mean | remove_top": learnt("remove_top", raw["minilm[3] | mean"]),
        "default | truncate(64)": small[:, :64],
        "default | one_bit": learnt("one_bit", small),
        "default | remove_top": learnt("remove_top", small),
        "tf-idf | 128 dimensions": tfidf,
    }


def latent(texts: Sequence[str], corpus: Sequence[int]) -> np.ndarray:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    counts = TfidfVectorizer(sublinear_tf=True, tokenizer=words, token_pattern=None, lowercase=False)
    counts.fit([texts[i] for i in corpus])
    svd = TruncatedSVD(128, random_state=0).fit(counts.transform([texts[i] for i in corpus]))
    return svd.transform(counts.transform(texts)).astype(np.float32)


def asked(name: str, documents: Mapping[str, str]) -> Retrieval:
    lines = (QUESTIONS / f"questions_{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    queries = {str(at): row["question"] for at, row in enumerate(rows)}
    return Retrieval(name, documents, queries, {str(at): {str(row["wanted"]): 1.0} for at, row in enumerate(rows)})


def material(data: Path) -> Mapping[str, Callable[[], tuple[Any, Any]]]:
    """By name: the labelled task, and the corpus that the others are made of."""

    def cranfield() -> tuple[Any, Any]:
        corpus = Corpus.read(data / "retrieval" / "cranfield")
        texts = {document.id: document.text for document in corpus}
        judged = {q: {d: float(g) for d, g in one.items()} for q, one in corpus.judgements.items()}
        return Retrieval("Cranfield", texts, corpus.queries, judged), corpus

    def python() -> tuple[Any, Any]:
        corpus = Corpus.python_docs([])
        return asked("python", {d.id: f"{d.title}\n{d.text}" for d in corpus}), corpus

    def papers() -> tuple[Any, Any]:
        corpus = Corpus.read(data / "papers.jsonl")
        return asked("papers", {d.id: f"{d.title}\n{d.text}" for d in corpus}), corpus

    def similarity() -> tuple[Any, Any]:
        rows = [json.loads(x) for x in (data / "sts" / "stsb-en-dev.jsonl").read_text(encoding="utf-8").splitlines()]
        task = Similarity("STS-B", [(row["a"], row["b"]) for row in rows], [row["score"] for row in rows])
        return task, list(dict.fromkeys(text for row in rows for text in (row["a"], row["b"])))

    return {
        "Cranfield": cranfield,
        "Python documentation": python,
        "papers": papers,
        "STS benchmark": similarity,
    }


def wordless(task: Retrieval) -> Retrieval:
    """The task with each answer bare of the words that its query has too: tried because word matching wins the others."""
    documents = dict(task.documents)
    for name in task.units:
        stems = {word[:5] for word in words(task.queries[name]) if word not in LITTLE["en"]}
        for answer in task.judged[name]:
            documents[answer] = re.sub(
                r"[^\W_]+", lambda m, s=stems: "" if m[0].casefold()[:5] in s else m[0], documents[answer]
            )
    return replace(task, name=f"{task.name}, no word in common", documents=documents)


def study(labelled: Any, corpus: Any, cache: Path | None, seed: int, most: int) -> dict[str, Any]:
    free = derived_tasks(corpus, most=most, seed=seed)
    tried = [wordless(task) for task in free if task.name in ("title to body", "halves, first and second")]
    tasks = [labelled, *free, *tried]
    inputs = [task.inputs() for task in tasks]
    place: dict[str, int] = {}
    for given in inputs:
        for texts, _ in given.values():
            for text in texts:
                place.setdefault(text, len(place))
    own = [place[text] for texts, kind in inputs[0].values() if kind == "document" for text in texts]
    rows = encoded(list(place), own, cache)
    scores = {
        task.name: {
            name: task.judge({part: x[[place[t] for t in texts]] for part, (texts, _) in given.items()})
            for name, x in rows.items()
        }
        for task, given in zip(tasks, inputs, strict=True)
    }
    gold = scores.pop(labelled.name)
    ours = {task: found for task, found in scores.items() if not task.endswith("in common")}
    one_model = [name for name in gold if name.startswith("minilm")]
    return {
        "says": free.says,
        "missing": free.missing,
        "half": split_half(gold),
        "found": {
            **agreement(gold, ours),
            **agreement(gold, {task: found for task, found in scores.items() if task not in ours}, together=False),
        },
        "one model": agreement(
            {name: gold[name] for name in one_model},
            {task: {name: found[name] for name in one_model} for task, found in ours.items()},
        ),
        "labelled": {name: one.value() for name, one in gold.items()},
        "label-free": {task: {name: one.value() for name, one in found.items()} for task, found in scores.items()},
        "metric": labelled.judge(
            {k: rows["default"][[place[t] for t in ts]] for k, (ts, _) in inputs[0].items()}
        ).metric,
        "units": len(labelled.units),
    }


def line(name: str, one: Agreement) -> str:
    tau = f"{one.tau.value:.2f} [{one.tau.low:.2f}, {one.tau.high:.2f}]"
    same = f"{one.same.value:.0%} [{one.same.low:.0%}, {one.same.high:.0%}]"
    lost = f"{one.lost.value:.3f} [{one.lost.low:.3f}, {one.lost.high:.3f}]"
    return f"| {name} | {tau} | {same} | {one.decided:.0%} | {one.chosen.replace('|', '>')} | {lost} |"


def main() -> None:
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("--data", type=Path, required=True)
    say.add_argument("--cache", type=Path)
    say.add_argument("--seed", type=int, default=0)
    say.add_argument("--most", type=int, default=400, help="documents that label-free tasks are made of")
    say.add_argument("--only", action="append", help="one of the corpora; several times for several")
    say.add_argument("--json", type=Path)
    args = say.parse_args()
    warnings.simplefilter("ignore", CutTextWarning)  # every encoder is given the same beginnings
    every: dict[str, Any] = {}
    for name, read in material(args.data).items():
        if args.only and name not in args.only:
            continue
        file = None if args.cache is None else args.cache / f"{name.replace(' ', '-')}.npz"
        found = study(*read(), file, args.seed, args.most)
        best = next(iter(found["found"].values()))
        print(f"\n## {name}: {found['metric']} of {found['units']} judged units, {best.tau.n} encoders")
        print(f"{found['says']}. Not made: {found['missing'] or 'none'}.")
        print(f"Labels against their other half: tau {found['half']}. Best by labels: {best.best}.")
        print(f"An encoder chosen at random loses {best.guess:.3f}; pairs that labels tell apart: {best.same.n}\n")
        print("| ranking by | Kendall's tau | pairs in order | told apart | its winner | lost |")
        print("| --- | --- | --- | --- | --- | --- |")
        for task, one in found["found"].items():
            print(line(task, one), flush=True)
        print(f"\nRecipes of one model alone, {next(iter(found['one model'].values())).tau.n} of them:\n", flush=True)
        print("| ranking by | Kendall's tau | pairs in order | told apart | its winner | lost |")
        print("| --- | --- | --- | --- | --- | --- |")
        for task, one in found["one model"].items():
            print(line(task, one), flush=True)
        print("\n" + ", ".join(f"{n} {v:.3f}" for n, v in sorted(found["labelled"].items(), key=lambda x: -x[1])))
        every[name] = {
            **found,
            **{k: {task: one.__dict__ for task, one in found[k].items()} for k in ("found", "one model")},
        }
    if args.json:
        args.json.write_text(json.dumps(every, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
