"""Opening a folder of Hugging Face or Sentence Transformers as an encoder, on the engine that suits it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

from semascope.errors import MissingExtraError, OptionError, UnknownNameError

EngineName = Literal["auto", "torch", "onnx", "library"]
Precision = Literal["auto", "float32", "bfloat16", "float16", "int8"]


@dataclass(frozen=True)
class Running:
    """How a transformer is run.

    Args:
        engine: "onnx" (onnxruntime, no torch), "torch", "library" (transformers' own code), or "auto": the fastest here that
            knows the model.
        precision: "float32"; "bfloat16" or "float16" (torch); "int8" (onnx); or "auto": the fastest measured on this machine whose vectors have
            cosine 0.9999 or more to those of float32 (on a GPU, where nothing is measured, float32).
        device: "cpu", "cuda", "cuda:1"; or "auto": a GPU where torch sees one.
        threads: Of the engine; None leaves it to the engine.
        batch_tokens: Tokens in a batch; None: what was measured on this machine, or what suits the engine.
        batch_invariant: Every text alone, so that its bits do not depend on its company.
    """

    engine: EngineName = "auto"
    precision: Precision = "float32"
    device: str = "auto"
    threads: int | None = None
    batch_tokens: int | None = None
    batch_invariant: bool = False

    def __post_init__(self) -> None:
        for name, kinds in (("engine", EngineName), ("precision", Precision)):
            if getattr(self, name) not in get_args(kinds):
                raise OptionError(f"{name}: want one of {', '.join(get_args(kinds))}; got {getattr(self, name)!r}")

    @property
    def asked(self) -> list[str]:
        """Names of the options that are not as they are by default."""
        plain = Running()
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(plain, f.name)]


def engines() -> list[str]:
    """The engines whose packages are installed, the fastest for float32 first."""
    needs = {"onnx": ("onnxruntime",), "torch": ("torch",), "library": ("torch", "transformers")}
    return [name for name, packages in needs.items() if all(find_spec(package) for package in packages)]


def open_transformer(folder: Path, how: Running, *, name: str = "", found_as: str = "") -> Any:
    """The encoder of a folder.

    Raises:
        OptionError, UnknownNameError, CorruptError: the folder asks for what is not done here, or is damaged.
        MissingExtraError: no engine that could run it is installed.
    """
    from semascope.backbones.tokenizing import TextTokenizer
    from semascope.backbones.weights import weights_digest
    from semascope.encoders import machine
    from semascope.encoders.head import Head
    from semascope.encoders.huggingface import read_folder
    from semascope.encoders.manner import Manner, Origin
    from semascope.encoders.transformer import TransformerEncoder

    layout = read_folder(folder)
    how = machine.settled(layout.transformer, how)
    engine = open_engine(layout.transformer, how)
    tokenizer = TextTokenizer.open(layout.transformer, lower_case=layout.lower_case)
    return TransformerEncoder(
        engine,
        tokenizer,
        head=Head(layout.poolings, layout.include_prompt, layout.layers, layout.normalize),
        manner=Manner(
            prompts=dict(layout.prompts or {}),
            default_prompt=layout.default_prompt,
            max_length=layout.max_length,
            side=layout.side,
            lower_case=layout.lower_case,
            similarity=layout.similarity,
        ),
        origin=Origin(
            name=name or found_as or folder.resolve().name,
            found_as=found_as,
            files=layout.transformer,
            weights=weights_digest(layout.transformer),
            notes=layout.notes,
        ),
        batch_tokens=how.batch_tokens,
        batch_invariant=how.batch_invariant,
        spare=spare_engine(layout.transformer, how, engine),
    )


def spare_engine(folder: Path, how: Running, engine: Any) -> Callable[[], Any] | None:
    """How to open torch beside an engine that was chosen for its speed and cannot be patched; None where that is no use."""
    from semascope.backbones.onnx_engine import OnnxEngine

    if not isinstance(engine, OnnxEngine) or "torch" not in engines() or how.precision == "int8":
        return None
    return lambda: _open("torch", folder, replace(how, engine="torch", device="cpu"))


def open_engine(folder: Path, how: Running) -> Any:
    """The engine asked for; or with "auto" the first that is installed and knows the model."""
    if how.engine != "auto":
        return _open(how.engine, folder, how)
    here = engines()
    if not here:
        raise MissingExtraError(f"{folder.name}: want onnxruntime or torch to run it: pip install 'semascope[onnx]'")
    refused: list[Exception] = []
    for name in here:
        if not _could(name, how):
            continue
        try:
            return _open(name, folder, how)
        except (OptionError, UnknownNameError) as error:
            refused.append(error)
    if not refused:
        raise MissingExtraError(
            f"{how.precision} on {how.device}: none of the installed engines ({', '.join(here)}) computes in it; "
            "pip install 'semascope[torch]' for bfloat16 and GPUs, 'semascope[onnx]' for int8"
        )
    raise refused[-1]


def _could(name: str, how: Running) -> bool:
    if name == "onnx":
        return how.precision in ("float32", "int8") and how.device in ("auto", "cpu") and not on_accelerator(how)
    return how.precision != "int8"


def on_accelerator(how: Running) -> bool:
    """Whether it runs on a GPU: named, or what "auto" means here. Asks torch only where it is installed with CUDA in it."""
    if how.device != "auto":
        return how.device != "cpu"
    if find_spec("torch") is None:
        return False
    from importlib.metadata import version

    if version("torch").endswith("+cpu"):
        return False
    import torch

    return bool(torch.cuda.is_available())


def _open(name: str, folder: Path, how: Running) -> Any:
    if name == "onnx":
        from semascope.backbones.onnx_engine import OnnxEngine

        if how.precision not in ("float32", "int8") or how.device not in ("auto", "cpu"):
            raise OptionError(f"engine: want float32 or int8 on the cpu for onnx, got {how.precision} on {how.device}")
        return OnnxEngine.open(folder, precision=how.precision, threads=how.threads)
    if how.precision == "int8":
        raise OptionError(f"precision: want float32, bfloat16 or float16 for {name}, got int8 (engine='onnx' has it)")
    if name == "torch":
        from semascope.backbones.torch_engine import TorchEngine

        return TorchEngine.open(folder, precision=how.precision, device=how.device, threads=how.threads)
    from semascope.backbones.library import LibraryEngine

    return LibraryEngine.open(folder, precision=how.precision, device=how.device, threads=how.threads)
