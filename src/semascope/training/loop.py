"""The training loop: one step after another, a state on disk every now and then, and from there on again after any interruption."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semascope.errors import CorruptError, OptionError
from semascope.ops import guarded, need, option
from semascope.training.nets import loss_of, parameters, write_bytes
from semascope.training.plans import Plan
from semascope.training.windows import Batch, Windows
from semascope.types import Progress

DEVICES = ("auto", "cpu", "cuda")
WARM = 0.05  # share of the steps in which the rate rises
_STATE = "state-"
_KEPT = 20  # states written in a run
_HEARD = 10  # steps whose mean loss is said
Loss = Callable[[int, float], None]


@dataclass(frozen=True)
class Machine:
    """Where the arithmetic is done.

    Args:
        device: "cpu" or "cuda".
        precision: "float32", or "bfloat16" where matrix products are taken in it and weights kept in float32.
        threads: Threads of a CPU.
    """

    device: str
    precision: str
    threads: int


def machine(device: str = "auto") -> Machine:
    """The device asked for, and the precision that pays there.

    Raises:
        OptionError: an unknown device, or "cuda" where there is none.
    """
    option(device, DEVICES, name="device")
    torch = need("torch", extra="hf")
    there = bool(torch.cuda.is_available())
    if device == "cuda" and not there:
        raise OptionError("device: want cpu here, got cuda, which torch finds none of")
    if device == "cuda" or (device == "auto" and there):
        return Machine("cuda", "bfloat16" if torch.cuda.is_bf16_supported() else "float32", torch.get_num_threads())
    return Machine("cpu", "bfloat16" if _fast_bfloat16() else "float32", torch.get_num_threads())


def _fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; emulated it is slower than float32."""
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in words or "amx_bf16" in words


class Trainer:
    """A network in training.

    Args:
        plan: What it is.
        model: The network, with the weights it begins with.
        windows: What it reads.
        machine: Where.
    """

    def __init__(self, plan: Plan, model: Any, windows: Windows, machine: Machine) -> None:
        torch = need("torch", extra="hf")
        self.plan, self.windows, self.machine = plan, windows, machine
        self.model = model.to(machine.device).train()
        self.step = 0
        self.seconds = 0.0  # of training, interrupted or not
        self._torch = torch
        weights = list(parameters(model).values())
        groups = [
            {"params": [w for w in weights if w.ndim >= 2], "weight_decay": 0.05},
            {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98), eps=1e-8)

    def advance(self, steps: int) -> float:
        """One step of a run of `steps`; its loss."""
        self.model.train()
        for group in self._optimizer.param_groups:
            group["lr"] = self.plan.rate * schedule(self.step, steps)
        loss = self.loss(self.windows.batch(self.step))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self.step += 1
        return float(loss.detach())

    def loss(self, batch: Batch) -> Any:
        """The loss of a batch, as a scalar of torch."""
        here = {name: self._torch.from_numpy(value).to(self.machine.device) for name, value in batch.items()}
        with self._autocast():
            return loss_of(self.plan, self.model, here)

    def _autocast(self) -> Any:
        if self.machine.precision == "float32":
            return nullcontext()
        return self._torch.autocast(self.machine.device, dtype=self._torch.bfloat16)

    def save(self, folder: Path, losses: list[tuple[int, float]]) -> None:
        """Write weights, the optimizer's moments and the step as `state-STEP`; the states before it go."""
        from safetensors.torch import save

        arrays: dict[str, Any] = {}
        for name, weight in parameters(self.model).items():
            arrays[f"weight/{name}"] = weight.detach().cpu().contiguous()
            for kind, value in self._optimizer.state[weight].items():
                if kind != "step":
                    arrays[f"{kind}/{name}"] = value.cpu().contiguous()
        aside = folder / "state.part"
        with guarded(f"write {folder}"):
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            write_bytes(aside / "state.safetensors", save({name: value.clone() for name, value in arrays.items()}))
            said = {"step": self.step, "losses": losses, "seconds": self.seconds}
            write_bytes(aside / "state.json", json.dumps(said).encode())
            before = states(folder)
            target = folder / f"{_STATE}{self.step:06d}"
            shutil.rmtree(target, ignore_errors=True)
            aside.replace(target)
            for old in before:
                shutil.rmtree(old, ignore_errors=True)

    def restore(self, state: Path) -> list[tuple[int, float]]:
        """Take up a state that `save` wrote; the losses so far.

        Raises:
            CorruptError: it cannot be read or belongs to another network.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            arrays = load_file(str(state / "state.safetensors"))
            said = json.loads((state / "state.json").read_text(encoding="utf-8"))
            self._take(arrays, int(said["step"]))
            self.seconds = float(said["seconds"])
            return [(int(step), float(loss)) for step, loss in said["losses"]]
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise CorruptError(f"{state}: cannot be gone on from ({error}); delete it to begin anew") from error

    def _take(self, arrays: Mapping[str, Any], step: int) -> None:
        torch = self._torch
        with torch.no_grad():
            for name, weight in parameters(self.model).items():
                weight.copy_(arrays[f"weight/{name}"])
                kinds = [key.partition("/")[0] for key in arrays if key.endswith(f"/{name}")]
                moments = {kind: arrays[f"{kind}/{name}"].to(weight.device) for kind in kinds if kind != "weight"}
                if moments:
                    self._optimizer.state[weight] = {"step": torch.tensor(float(step)), **moments}
        self.step = step


def schedule(step: int, steps: int) -> float:
    """Share of the highest rate at a step: up in a line, then down along half a cosine to a fiftieth."""
    warm = max(1, round(WARM * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def states(folder: Path) -> list[Path]:
    """The states there are of an interrupted run, oldest first."""
    return sorted(folder.glob(f"{_STATE}[0-9]*"))


def run(
    trainer: Trainer,
    folder: Path,
    steps: int,
    *,
    keep: Callable[[int], None],
    progress: Progress | None = None,
    heard: Loss | None = None,
) -> list[tuple[int, float]]:
    """Train up to `steps`, from the last state in `folder` if there is one; the mean losses of every ten steps.

    Args:
        trainer: The network.
        folder: Where states go.
        steps: Of the whole run.
        keep: Called with each step after which a checkpoint belongs, 0 and the last one among them.
        progress: Called with the steps done and `steps`.
        heard: Called with a step and the mean loss of the ten before it.
    """
    found = states(folder)
    losses = trainer.restore(found[-1]) if found else []
    # Where states are written the means begin anew, so that a run that goes on from one gives the same.
    every = max(_HEARD, round(steps / _KEPT / _HEARD) * _HEARD)
    recent: list[float] = []
    if trainer.step == 0:
        keep(0)
    began = time.monotonic() - trainer.seconds
    while trainer.step < steps:
        recent.append(trainer.advance(steps))
        done = trainer.step
        if done % _HEARD == 0 or done == steps:
            losses.append((done, sum(recent) / len(recent)))
            recent.clear()
            if heard:
                heard(*losses[-1])
        trainer.seconds = time.monotonic() - began
        if done in checkpoints(steps):
            keep(done)
        if done % every == 0 and done < steps:
            trainer.save(folder, losses)
        if progress:
            progress(done, steps)
    return losses


def checkpoints(steps: int) -> tuple[int, ...]:
    """The steps whose weights are kept beside the last ones: 0, an eighth, a quarter and a half of the way."""
    return tuple(sorted({0, steps // 8, steps // 4, steps // 2} - {steps}))


def steps_in(minutes: float, trainer: Trainer) -> int:
    """How many steps fit into that many minutes here, by a few that `trainer`, which is used up by this, takes."""
    spent: list[float] = []
    for _ in range(8):
        began = time.perf_counter()
        trainer.advance(1000)
        spent.append(time.perf_counter() - began)
    return max(10, int(minutes * 60 / (sum(spent[2:]) / 6)) // 10 * 10)
