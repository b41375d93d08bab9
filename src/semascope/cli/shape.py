"""The verb `shape`: the health of a cloud of vectors, or how alike two clouds of the same items are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say
from semascope.cli.make import json_option
from semascope.cli.subjects import again, answer, opened, options, report_option
from semascope.cli.verb import Verb
from semascope.errors import InputError, OptionError

if TYPE_CHECKING:
    from semascope.report import Report
    from semascope.subject import Subject
    from semascope.types import Vectors


@click.command(
    cls=Verb,
    about="SOURCE is a matrix of vectors (.npy, .npz, .safetensors, a table with a column of vectors), a Space, or what else holds "
    "vectors, a database among it; texts alone are encoded with --encoder. One call says how evenly directions are used, how many "
    "there are, how many it takes near by (intrinsic dimension, by several estimators and scales), who is found always and who never, "
    "and which columns stand out; beside each figure what a Gaussian cloud of the same spread and random vectors give. With OTHER, the "
    "vectors of the same rows by something else: how alike the two are. With --layers SOURCE is an encoder, and every layer of it is "
    "looked at, on the texts of --texts, or of the tasks of --data, which then judge the layers.",
    examples=[
        ("semascope shape vectors.npy", "the health of these vectors"),
        ("semascope shape notes.space --report shape.html", "of a Space, with pictures"),
        ("semascope shape minilm.npy default.npy", "the same rows by two encoders: how alike"),
        ("semascope shape tickets.csv --encoder default", "texts, encoded first"),
        ("semascope shape minilm --layers --texts notes.jsonl", "every layer of a model"),
        ("semascope shape minilm --layers --data FOLDER", "and which of them is best at tasks"),
    ],
)
@click.argument("source")
@click.argument("other", required=False)
@options
@click.option(
    "--encoder",
    metavar="NAME",
    help="Encode the texts of SOURCE with it, where there are no vectors (or others are wanted).",
)
@click.option(
    "--metric",
    type=click.Choice(["cosine", "euclidean"]),
    default="cosine",
    show_default=True,
    help="Rows scaled to length one, or as they are.",
)
@click.option("--layers", is_flag=True, help="SOURCE is an encoder: look at every layer of it, on --texts or --data.")
@click.option("--data", metavar="FOLDER", help="With --layers: tasks, as evaluate reads them, that judge the layers.")
@report_option
@json_option
def shape(
    source: str, other: str | None, encoder: str | None, metric: str, report: str | None, json_: bool, **how: Any
) -> None:
    """Say how a cloud of vectors is shaped: directions, dimension, hubs, outliers; or how alike two are."""
    how = {**how, "json_": json_}
    asked, data = how.pop("layers"), how.pop("data")
    if asked:
        if other is not None or encoder is not None:
            raise OptionError("--layers: want one encoder, in place of SOURCE, and neither OTHER nor --encoder")
        found = _layers(source, data, how)
    elif data is not None:
        raise OptionError("--data: want it with --layers, semascope shape ENCODER --layers --data FOLDER")
    else:
        found = _two(source, other, encoder, metric, how) if other is not None else _one(source, encoder, metric, how)
    answer(found, json_=json_, page=report)


def _layers(source: str, data: str | None, how: dict[str, Any]) -> Report:
    from dataclasses import replace

    import numpy as np

    from semascope.encoders import as_encoder
    from semascope.shape import layers
    from semascope.shape.by_layer import SAMPLE
    from semascope.subject.tasks import open_tasks

    most = how["sample"] or SAMPLE
    tasks = open_tasks(data, sample=most, seed=how["seed"]) if data is not None else []
    if how.get("texts") is None and tasks:
        found = dict.fromkeys(text for task in tasks for some, _ in task.inputs().values() for text in some)
        texts = list(found)
        texts = [texts[at] for at in np.sort(np.random.default_rng(how["seed"]).permutation(len(texts))[:most])]
    else:
        held = opened(str(how.get("texts") or "python:"), {**how, "texts": None, "sample": most})
        if held.texts is None:
            raise OptionError(f"--texts: want texts, got vectors alone in {held.name}")
        texts = list(held.texts)
    with say.Bar("Reading", "texts", quiet=how["json_"]) as bar:
        report = layers(as_encoder(source), texts, name=source, tasks=tasks, seed=how["seed"], progress=bar)
    if tasks:
        return replace(report, next=f"semascope evaluate {say.quoted(source)} --data {say.quoted(str(data))}")
    given = f" --texts {say.quoted(str(how['texts']))}" if how.get("texts") else ""
    return replace(report, next=f"semascope shape {say.quoted(source)} --layers{given} --data FOLDER")


def _one(source: str, encoder: str | None, metric: str, how: dict[str, Any]) -> Report:
    from dataclasses import replace

    from semascope.shape import shape as look
    from semascope.shape.one import SAMPLE

    held = opened(source, how)
    rows, places = _drawn(held, how, SAMPLE)
    x = _vectors(rows, source, encoder, how)
    with say.Bar("Measuring", "rows", quiet=how["json_"]) as bar:
        found = look(
            x,
            name=held.name,
            metric=metric,
            sample=None,
            places=places,
            total=held.total,
            drawn=held.drawn,
            seed=how["seed"],
            progress=bar,
        )
    return replace(found, next=f"semascope doctor {again(source, how)}")


def _two(source: str, other: str, encoder: str | None, metric: str, how: dict[str, Any]) -> Report:
    from dataclasses import replace

    from semascope.shape import alike
    from semascope.shape.two import SAMPLE

    if encoder is not None:
        raise OptionError("--encoder: want it for one SOURCE alone; semascope encode writes a matrix for each encoder")
    every = {**how, "sample": None, "texts": None}  # rows have to stay side by side: they are drawn below
    one, two = opened(source, {**every, "texts": how.get("texts")}), opened(other, every)
    x, y = _side_by_side(one, two, source, other, how)
    with say.Bar("Comparing", "measures", quiet=how["json_"]) as bar:
        most = how["sample"] or SAMPLE
        names = (one.name, two.name) if one.name != two.name else (source, other)
        found = alike(x, y, names=names, metric=metric, sample=most, seed=how["seed"], progress=bar)
    return replace(found, next=f"semascope shape {again(source, how)}")


def _drawn(held: Subject, how: dict[str, Any], most: int) -> tuple[Subject, Any]:
    """At most so many of the rows where no number was asked for, before they are encoded; and their places in the source."""
    import numpy as np

    if how["sample"] is not None or len(held) <= most:
        return held, held.rows
    drawn = np.sort(np.random.default_rng(how["seed"]).permutation(len(held))[:most])
    say.aside(f"Sample: {most:,} of {held.total:,} rows (--sample N for more)")
    return held.take(drawn), held.rows[drawn]


def _vectors(held: Subject, source: str, encoder: str | None, how: dict[str, Any]) -> Vectors:
    if encoder is None:
        if held.vectors is None:
            raise OptionError(
                f"SOURCE: want vectors, got {held.name}, where there are texts alone; --encoder NAME encodes them first "
                f"(semascope shape {again(source, how)} --encoder default)"
            )
        return held.vectors
    if held.texts is None:
        raise OptionError(f"--encoder: want texts to encode, got vectors alone in {held.name}")
    from semascope.encoders import as_encoder

    with say.Bar("Encoding", "texts", quiet=how["json_"]) as bar:
        return as_encoder(encoder).encode(list(held.texts), progress=bar)


def _side_by_side(one: Subject, two: Subject, source: str, other: str, how: dict[str, Any]) -> tuple[Vectors, Vectors]:
    """Rows of the same items: by id where both have the same ids, by place where there are as many."""
    x, y = _vectors(one, source, None, how), _vectors(two, other, None, how)
    if set(one.ids) == set(two.ids) and len(set(one.ids)) == len(one.ids):
        place = {name: at for at, name in enumerate(two.ids)}
        return x, y[[place[name] for name in one.ids]]
    if len(x) != len(y):
        raise InputError(
            f"OTHER: want the rows of the same items, got {len(x):,} rows in {one.name} and {len(y):,} in {two.name}"
        )
    return x, y
