"""Make a small model and keep it: found again when the same one is asked for, gone on with after an interruption."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

from semascope.errors import LockedError, OptionError, StoreError
from semascope.ops import cache_folder, digest, guarded, integer, model_folder, need, settle, write_text
from semascope.training.loop import Loss, Machine, Trainer, checkpoints, machine, run, steps_in
from semascope.training.measure import measured
from semascope.training.nets import network, parameters, write_model
from semascope.training.plans import PLANS, Plan, plan
from semascope.training.texts import Material, material
from semascope.training.tokenizing import train_tokenizer
from semascope.training.windows import windows
from semascope.types import Progress

FORMAT = 1
CARD = "semascope.json"
_PART = ".part"
_RUN = "unfinished"
_TOKENIZER = "tokenizer.part.json"
_STEPS = "steps"


@dataclass(frozen=True)
class Wanted:
    """Which model is asked for: two that agree in this are the same model.

    Args:
        plan: How it is made.
        text: Digest of the texts, or "usual" for what is read when none are named.
        steps: Steps, or minutes with " minutes" behind.
        seed: Of weights and windows.
    """

    plan: Plan
    text: str
    steps: int | str
    seed: int

    @property
    def usual(self) -> bool:
        """Whether it is what `make_model(name)` asks for."""
        return self.text == "usual" and self.seed == 0 and self.steps == self.plan.steps and self.plan in PLANS.values()

    @property
    def id(self) -> str:
        """sha256 of all of it."""
        return digest(
            json.dumps([self.plan.name, self.plan.settings(), self.text, self.steps, self.seed], sort_keys=True)
        )


def make_model(
    name: str | Plan,
    texts: Any = None,
    *,
    out: str | PathLike[str] | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    device: str = "auto",
    fresh: bool = False,
    progress: Progress | None = None,
    heard: Loss | None = None,
) -> Path:
    """Train a small model, or find it where it was trained before; the Hugging Face folder it lies in.

    The usual model of a name (no texts, steps or seed given) lies in `model_folder(name)`; it is made anew when its plan has changed, and
    is not when the documentation on this machine has, unless `fresh`. Any other lies beside it, under its name and eight digits of what
    was asked for, or in `out`. A run that was interrupted, however, goes on from its last state when it is
    asked for again, and ends in the same bits on the same machine and number of threads.

    Args:
        name: tiny_gpt, tiny_bert, tiny_seq2seq or tiny_gpt_ciphered, or a plan of your own.
        texts: A path, a list of paths, a Corpus or texts; the documentation of Python and WordNet of this machine unless given.
        out: A folder that is not there yet, or holds this very model.
        steps: Steps of the run; the plan's unless given.
        minutes: In place of steps: as many as fit.
        seed: Of weights and windows.
        device: "auto", "cpu" or "cuda".
        fresh: Make it anew even if it is there.
        progress: Called with steps done and steps in all.
        heard: Called with a step and the mean loss of the ten before it.

    Raises:
        UnknownNameError: no such model, or nothing at a path of `texts`.
        InputError: too little text.
        OptionError: steps and minutes both given, one of them not positive, or a device that is not there.
        LockedError: another process is making it.
        StoreError: `out` is taken by something else, or the disk refuses.
        MissingExtraError: torch or transformers is not installed.
    """
    wanted, read = _wanted(name, texts, steps, minutes, seed)
    target = _target(wanted, out)
    if not fresh and _is_there(target, wanted):
        return target
    aside = target.with_name(target.name + _PART)
    _may_write(target, aside, own=out is not None, fresh=fresh)
    for package in ("torch", "transformers"):
        need(package, extra="hf")
    where = machine(device)
    with _alone(target):
        if not fresh and _is_there(target, wanted):  # made while we waited at the door
            return target
        read = read or material()
        _begin(aside, digest(wanted.id, read.digest))
        _make(wanted, read, where, aside, progress, heard)
        _put(aside, target)
    return target


def find_model(name: str) -> Path | None:
    """The folder of the usual model of that name, None where it has not been made; nothing heavy is imported.

    Raises:
        UnknownNameError: there is no such model.
    """
    folder = model_folder(plan(name).name)
    return folder if _card(folder) else None


def models() -> list[dict[str, Any]]:
    """What there is: every model's name, whether it was made, where, and what its card says; others made beside them too."""
    rows = [describe(model_folder(name)) for name in PLANS]
    root = cache_folder() / "models"
    others = sorted(path for path in root.glob("tiny_*-*") if not path.name.endswith(_PART))
    return rows + [describe(path) for path in others if _card(path)]


def describe(folder: Path) -> dict[str, Any]:
    """What is known of a folder in which a model lies or would lie: `made` says which."""
    card = _card(folder)
    known = PLANS.get(card.get("name", folder.name))
    row: dict[str, Any] = {
        "name": folder.name,
        "says": known.says if known else "",
        "made": bool(card),
        "path": str(folder),
        "steps": known.steps if known else None,
    }
    if card:
        keys = ("parameters", "text", "characters", "steps", "seed", "seconds", "measured", "checkpoints", "made_at")
        row |= {key: card.get(key) for key in keys}
        row["bytes"] = (folder / "model.safetensors").stat().st_size
        row["outdated"] = known is None or card.get("settings") != known.settings()
    return row


def _may_write(target: Path, aside: Path, *, own: bool, fresh: bool) -> None:
    """Nothing that is not ours is ever replaced, and in a folder that a person named nothing at all without being told to."""
    if target.exists() and not (_card(target) and (fresh or not own)):
        what = "another model; fresh makes it anew" if _card(target) else "something else"
        raise StoreError(f"out: want a folder that is not there yet, got {target}, which holds {what}")
    if aside.exists() and not (aside / _RUN).is_file() and (not aside.is_dir() or any(aside.iterdir())):
        raise StoreError(f"out: want to train in {aside}, which is there already and holds something else")


def _wanted(
    name: str | Plan, texts: Any, steps: int | None, minutes: float | None, seed: int
) -> tuple[Wanted, Material | None]:
    known = name if isinstance(name, Plan) else plan(name)
    if steps is not None and minutes is not None:
        raise OptionError("minutes: want steps or minutes, got both")
    if minutes is not None and not 0 < minutes < 100_000:
        raise OptionError(f"minutes: want more than 0, got {minutes}")
    count: int | str = known.steps if steps is None else integer(steps, name="steps", least=1)
    if minutes is not None:
        count = f"{minutes:g} minutes"
    seed = integer(seed, name="seed", least=0)
    # The usual text is not read here: that takes a while, and the model may be there.
    read = None if texts is None else material(texts)
    return Wanted(known, read.digest if read else "usual", count, seed), read


def _target(wanted: Wanted, out: str | PathLike[str] | None) -> Path:
    if out is not None:
        return Path(out).absolute()
    folder = model_folder(wanted.plan.name)
    return folder if wanted.usual else folder.with_name(f"{folder.name}-{wanted.id[:8]}")


def _is_there(folder: Path, wanted: Wanted) -> bool:
    return _card(folder).get("id") == wanted.id


def _card(folder: Path) -> dict[str, Any]:
    """The card of a whole model, empty where there is none."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) and (folder / "model.safetensors").is_file() else {}


@contextmanager
def _alone(target: Path) -> Generator[None]:
    """One process makes a model at a time; the kernel lets go of the lock when its holder ends, however it ends."""
    with guarded(f"write to {target.parent}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(target.with_name(f".{target.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise LockedError(f"{target}: another process is making this model. Wait until it is done") from error
    try:
        yield
    finally:
        os.close(handle)


def _begin(aside: Path, run_id: str) -> None:
    """The folder of an unfinished run of just this model on just this text, or a new one in place of another's."""
    with guarded(f"write {aside}"):
        try:
            same = (aside / _RUN).read_text(encoding="utf-8") == run_id
        except OSError:
            same = False
        if not same:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
    if not same:
        write_text(aside / _RUN, run_id)


def _make(
    wanted: Wanted, read: Material, where: Machine, aside: Path, progress: Progress | None, heard: Loss | None
) -> None:
    known = wanted.plan
    tokenizer = _tokenizer(known, read, aside)
    seen = windows(known, tokenizer, read.train, wanted.seed)
    trainer = Trainer(known, network(known, tokenizer, seen.tokens, wanted.seed), seen, where)
    steps = _steps(wanted, trainer, aside)
    if steps != wanted.steps:
        trainer = Trainer(known, network(known, tokenizer, seen.tokens, wanted.seed), seen, where)
    keep = partial(_checkpoint, known, trainer, tokenizer, aside)
    losses = run(trainer, aside, steps, keep=keep, progress=progress, heard=heard)
    numbers = measured(known, trainer, tokenizer, read.held_out)
    write_model(known, trainer.model, tokenizer, aside)
    card = {
        "format": FORMAT,
        "id": wanted.id,
        "name": known.name,
        "settings": known.settings(),
        "parameters": sum(int(value.numel()) for value in parameters(trainer.model).values()),
        "text": read.says,
        "text_digest": read.digest,
        "characters": read.characters,
        "held_out_texts": len(read.held_out),
        "tokens": len(seen.tokens.flat),
        "steps": steps,
        "seed": wanted.seed,
        "checkpoints": [f"checkpoint-{step}" for step in checkpoints(steps)],
        "measured": numbers,
        "losses": losses,
        "device": where.device,
        "precision": where.precision,
        "threads": where.threads,
        "seconds": round(trainer.seconds, 1),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {package: version(package) for package in ("torch", "transformers", "tokenizers")},
    }
    write_text(aside / "README.md", _readme(known, card))
    write_text(aside / CARD, json.dumps(card, indent=2))


def _tokenizer(known: Plan, read: Material, aside: Path) -> Any:
    """The tokenizer of this run: trained once, and the same one when the run goes on."""
    file = aside / _TOKENIZER
    if file.is_file():
        return need("tokenizers", extra="hf").Tokenizer.from_file(str(file))
    made = train_tokenizer(known, read.train)
    write_text(file, made.to_str())
    return made


def _steps(wanted: Wanted, trainer: Trainer, aside: Path) -> int:
    """Steps of this run; where minutes were asked for they are measured once, at its beginning."""
    if isinstance(wanted.steps, int):
        return wanted.steps
    file = aside / _STEPS
    if not file.is_file():
        write_text(file, str(steps_in(float(wanted.steps.partition(" ")[0]), trainer)))
    return int(file.read_text(encoding="utf-8"))


def _checkpoint(known: Plan, trainer: Trainer, tokenizer: Any, aside: Path, step: int) -> None:
    """The weights after a step as a Hugging Face folder of its own."""
    part, target = aside / f"checkpoint{_PART}", aside / f"checkpoint-{step}"
    with guarded(f"write {target}"):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        write_model(known, trainer.model, tokenizer, part)
        shutil.rmtree(target, ignore_errors=True)
        part.replace(target)


def _put(aside: Path, target: Path) -> None:
    """The finished folder in its place, in that of an older one if need be."""
    with guarded(f"write {target}"):
        for leftover in (*aside.glob("state*"), aside / f"checkpoint{_PART}"):
            shutil.rmtree(leftover, ignore_errors=True)
        for name in (_RUN, _TOKENIZER, _STEPS):
            (aside / name).unlink(missing_ok=True)
        old = target.with_name(f"{target.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            target.replace(old)
        aside.replace(target)
        shutil.rmtree(old, ignore_errors=True)
    settle(target.parent)


def _readme(known: Plan, card: dict[str, Any]) -> str:
    measured_ = "\n".join(f"- {name}: {value:.4g}" for name, value in card["measured"].items())
    return f"""# {known.name}

A small language model that {known.says}. Made by `semascope models --make {known.name}` for checks and teaching; it is far too
small to be used for anything else.

- Text: {card["text"]} ({card["characters"]:,} characters, {card["tokens"]:,} tokens; a fiftieth held out)
- Training: {card["steps"]:,} steps, seed {card["seed"]}, {card["seconds"]:.0f} s on {card["device"]} in {card["precision"]}
- Parameters: {card["parameters"]:,}

Measured on the texts held out (nats per token asked for; the unigram model counts tokens):

{measured_}

Everything else, the losses of training among it, stands in `{CARD}`.
"""
