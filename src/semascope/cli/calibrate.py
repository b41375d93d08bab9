"""The verb `calibrate`: what a score means, as a probability of a match and as a threshold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say
from semascope.cli.make import json_option
from semascope.cli.subjects import answer, opened, options, report_option
from semascope.cli.verb import Verb
from semascope.errors import InputError, OptionError

if TYPE_CHECKING:
    from semascope.evaluate.calibrating import Calibrated

_PAIRS = ("a", "b", "match", "score")


@click.command(
    cls=Verb,
    about="With --data PAIRS (two texts and a yes or no, or a score with --at): a curve from the encoder's cosine to the probability of a "
    "match, what it is worth on pairs held out, and the score from which on the precision asked for is reached. Without, on the texts of "
    "SOURCE: what random pairs score, and what would follow from that; nothing is promised then, and the answer says so. "
    "--out keeps the calibrator; --apply FOLDER reads it again and adds probabilities to a table with a column of scores.",
    examples=[
        ("semascope calibrate minilm --data pairs.csv", "from labelled pairs"),
        ("semascope calibrate minilm --data sts.csv --at 4 --out my.calibrator", "a match is a score of 4 or more"),
        ("semascope calibrate minilm notes/", "no labels: what random pairs score"),
        ("semascope calibrate --apply my.calibrator scores.csv", "probabilities for scores"),
    ],
)
@click.argument("encoder", required=False)
@click.argument("source", required=False)
@click.option("--data", metavar="PAIRS", help="Labelled pairs: CSV, JSONL or Parquet; columns are guessed, and said.")
@click.option("--a", metavar="COL", help="Column of the first text.")
@click.option("--b", metavar="COL", help="Column of the second text.")
@click.option("--match", metavar="COL", help="Column of the yes or no.")
@click.option("--score", metavar="COL", help="Column of the score; with --apply, of the scores [default: score].")
@click.option("--at", type=float, metavar="SCORE", help="Pairs with this score or more are matches.")
@click.option("--no-labels", is_flag=True, help="PAIRS has two columns of texts and no yes or no.")
@click.option(
    "--precision", type=float, default=0.95, show_default=True, metavar="P", help="Share of matches wanted above the threshold."
)  # fmt: skip
@click.option("--out", metavar="FOLDER", help="Keep the calibrator there; with --apply, the file to write.")
@click.option("--apply", "apply_", metavar="FOLDER", help="Apply a calibrator that was kept.")
@options
@report_option
@json_option
def calibrate(
    encoder: str | None,
    source: str | None,
    data: str | None,
    at: float | None,
    no_labels: bool,
    precision: float,
    out: str | None,
    apply_: str | None,
    report: str | None,
    json_: bool,
    **how: Any,
) -> None:
    """Turn scores into probabilities of a match, and find the score where matches begin."""
    if not 0 < precision < 1:
        raise OptionError(f"--precision: want a number between 0 and 1, got {precision}")
    if apply_ is not None:
        _apply(apply_, encoder or source, how["score"] or "score", out, json_)
        return
    if encoder is None:
        raise OptionError("calibrate: want an ENCODER (a name, a recipe, a folder, a URL), or --apply FOLDER")
    if data is not None and source is not None:
        raise OptionError(f"SOURCE: want --data PAIRS or a SOURCE of texts, got both ({data} and {source})")
    from semascope.evaluate import calibrating as room
    from semascope.evaluate.calibrated import report as answered

    if out is not None:
        room.free(Path(out))
    if data is not None and no_labels:
        found, called = _unlabelled_pairs(encoder, data, precision, {**how, "json_": json_})
    elif data is not None:
        columns: dict[str, str | None] = {role: how[role] for role in _PAIRS}
        found, called = _labelled(encoder, data, columns, at, precision, {**how, "json_": json_})
    else:
        found, called = _unlabelled(encoder, source or "python:", precision, {**how, "json_": json_})
    if out is not None:
        room.save(found, Path(out))
        say.aside(f"Calibrator: {out}")
    asked = (
        f"--data {say.quoted(data)}{' --no-labels' if no_labels else ''}" if data else say.quoted(source or "python:")
    )
    again = f"semascope calibrate {say.quoted(encoder)} {asked}" + (f" --at {at:g}" if at is not None else "")
    follows = f"{again} --report calibrate.html" if out else f"{again} --out my.calibrator"
    answer(answered(found, source=called, next_=follows), json_=json_, page=report)


def _labelled(
    encoder: str, data: str, columns: dict[str, str | None], at: float | None, precision: float, how: dict[str, Any]
) -> tuple[Calibrated, str]:
    from semascope.encoders import as_encoder
    from semascope.evaluate import calibrating as room
    from semascope.subject.tasks import find_tasks

    kinds = ("pair matching", "similarity")
    tasks = find_tasks(data, columns=columns, kinds=kinds, sample=how["sample"], seed=how["seed"])
    # Both can be made of one table: then a yes or no is what is meant, unless --at says that the score is.
    wanted = "pair matching" if at is None else "similarity"
    chosen = next((one for one in tasks.tasks if one.task.kind == wanted), tasks.tasks[0])
    say.aside(f"Pairs: {chosen.says}")
    say.problems(tasks.problems)
    pairs = room.matching(chosen.task, at)
    with say.Bar("Encoding", "texts", quiet=how["json_"]) as bar:
        found = room.from_pairs(
            as_encoder(encoder), pairs, precision=precision, name=encoder, seed=how["seed"], progress=bar
        )
    return found, Path(data).name


def _unlabelled_pairs(encoder: str, data: str, precision: float, how: dict[str, Any]) -> tuple[Calibrated, str]:
    from semascope.corpus import Corpus
    from semascope.encoders import as_encoder
    from semascope.evaluate import calibrating as room

    one, other = how["a"] or "a", how["b"] or "b"
    corpus = Corpus.read(data, text=one, metadata=[other])
    pairs = [(document.text, str(document.metadata[other])) for document in corpus if document.metadata.get(other)]
    say.problems(corpus.problems)
    with say.Bar("Encoding", "texts", quiet=how["json_"]) as bar:
        found = room.from_unlabelled(
            as_encoder(encoder), pairs, precision=precision, name=encoder, seed=how["seed"], progress=bar
        )
    return found, Path(data).name


def _unlabelled(encoder: str, source: str, precision: float, how: dict[str, Any]) -> tuple[Calibrated, str]:
    from semascope.encoders import as_encoder
    from semascope.evaluate import calibrating as room

    held = opened(source, {**how, "sample": how["sample"] or 5_000})
    if held.texts is None:
        raise OptionError(f"SOURCE: want texts, got vectors alone in {held.name}")
    with say.Bar("Encoding", "texts", quiet=how["json_"]) as bar:
        found = room.from_texts(
            as_encoder(encoder), held.texts, precision=precision, name=encoder, seed=how["seed"], progress=bar
        )
    return found, held.name


def _free(path: Path) -> None:
    if path.is_dir() or not path.parent.is_dir():
        raise OptionError(f"--out: want a file in a folder that is there, got {path}")


def _apply(folder: str, table: str | None, column: str, out: str | None, json_: bool) -> None:
    """Add the columns probability and match to a CSV file with a column of scores."""
    import csv
    import io

    from semascope.evaluate.calibrating import open_calibrator
    from semascope.ops import guarded, write_text

    if out is not None:
        _free(Path(out))
    if table is None or not Path(table).is_file():
        raise OptionError(f"--apply: want a CSV file with a column of scores beside it, got {table}")
    kept = open_calibrator(folder)
    with Path(table).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        rows, head = list(reader), list(reader.fieldnames or [])
    if column not in head:
        raise OptionError(f"--score: want a column of {table} ({', '.join(head)}), got {column!r}")
    scores: list[float] = []
    for number, row in enumerate(rows, 2):
        try:
            scores.append(float(row[column]))
        except (TypeError, ValueError) as error:
            raise InputError(f"{table}:{number}: want a number in {column!r}, got {row[column]!r}") from error
    threshold = kept.facts.get("threshold")
    said = kept.probability(scores)
    for row, score, chance in zip(rows, scores, said.tolist(), strict=True):
        row["probability"] = f"{chance:.6g}"
        row["match"] = "" if threshold is None else "yes" if score >= threshold else "no"
    promise = "calibrated" if kept.facts.get("kind") == "labelled" else "without labels, and without any promise"
    if kept.facts.get("kind") == "labelled" and threshold is not None and kept.facts.get("achieved") is None:
        promise += ", but how good its threshold is was not measured"
    say.aside(f"{say.count(len(rows), 'score')}, {promise}; scores of {kept.facts.get('encoder')}")
    if json_:
        say.as_json(rows)
        return
    text = io.StringIO()
    writer = csv.DictWriter(
        text, [*head, *(name for name in ("probability", "match") if name not in head)], lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    if out is None:
        say.line(text.getvalue().rstrip("\n"))
        return
    with guarded(f"write {out}"):
        write_text(Path(out), text.getvalue())
    say.aside(f"Table: {out}")
