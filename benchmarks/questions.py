"""Where does the wanted document stand? 40 + 40 questions in a newcomer's words, written before any encoder was trained.

python benchmarks/questions.py [--papers papers.jsonl] [--encoder default --encoder minilm] [--packages] [--json]

Over the Python documentation (the standard library; with --packages also what else is installed) and, where --papers
names the file of titles and abstracts, over papers. Prints how many of 40 wanted documents stand in the top 5, for each
mode of search, with a 95 % Wilson interval, and the questions that missed.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from pathlib import Path

from semascope import Corpus, Encoder, Space

HERE = Path(__file__).resolve().parents[1] / "tests" / "data"
MODES = ("hybrid", "dense", "lexical")


def questions(name: str) -> list[tuple[str, str]]:
    lines = (HERE / f"questions_{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["question"], str(row["wanted"])) for row in map(json.loads, lines)]


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share (Wilson 1927)."""
    share, centre = hits / n, hits / n + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def places(space: Space, asked: list[tuple[str, str]], mode: str, deep: int = 50) -> list[int]:
    """The place of each wanted document, from 1; 0 where it is not among the first `deep`."""
    found: list[int] = []
    for question, wanted in asked:
        ids = [hit.id for hit in space.search(question, k=deep, mode=mode)]
        found.append(ids.index(wanted) + 1 if wanted in ids else 0)
    return found


def main() -> None:
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("--papers", type=Path)
    say.add_argument("--encoder", action="append")
    say.add_argument("--packages", action="store_true", help="installed packages too, as the demo does")
    say.add_argument("--json", action="store_true")
    args = say.parse_args()
    corpora = {"python": Corpus.python_docs(None if args.packages else [])}
    if args.papers:
        corpora["papers"] = Corpus.read(args.papers)
    for encoder in args.encoder or ["default"]:
        for name, corpus in corpora.items():
            with (
                tempfile.TemporaryDirectory() as folder,
                Space.build(corpus, Encoder(encoder), Path(folder) / "q.space") as space,
            ):
                report(encoder, name, space, questions(name), as_json=args.json)


def report(encoder: str, name: str, space: Space, asked: list[tuple[str, str]], *, as_json: bool) -> None:
    for mode in MODES:
        found = places(space, asked, mode)
        top = sum(0 < place <= 5 for place in found)
        low, high = wilson(top, len(asked))
        row = {"encoder": encoder, "questions": name, "documents": len(space), "mode": mode, "in_top_5": top}
        if as_json:
            print(json.dumps({**row, "of": len(asked), "low": round(low, 3), "high": round(high, 3), "places": found}))
            continue
        print(
            f"{encoder:8} {name:7} {mode:8} {top}/{len(asked)} in the top 5 [{low:.2f}, {high:.2f}] of {len(space):,} documents"
        )
        if mode == "hybrid":
            for place, (question, wanted) in zip(found, asked, strict=True):
                if not 0 < place <= 5:
                    print(f"    {place or '>50':>4}  {wanted:40} {question}")


if __name__ == "__main__":
    main()
