"""Runs models that we have no engine for through the transformers library's own code: T5 and BART encoders, DeBERTa, Gemma and others.

Texts are padded inside and the padding taken off again; it is masked and never read. Of a model with an encoder and a decoder, the
encoder is run.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from semascope.backbones import configs
from semascope.backbones.architecture import Architecture
from semascope.backbones.torch_engine import PRECISIONS, check, device_named, threads_set
from semascope.backbones.torch_parts import Tensor, memory_errors
from semascope.backbones.weights import read_header, weight_files
from semascope.errors import CorruptError, InputError, OptionError, UnknownNameError
from semascope.ops import integer, need, option
from semascope.types import Array, Attention, Batch, Patch, Tokens, Vectors

Side = Literal["right", "left"]


class LibraryEngine:
    """A model of the transformers library, run as the library runs it.

    It attends as it was made to, has no head here, and takes patches where its blocks are a plain list.

    Attributes:
        architecture: As far as a config says; `positions` is always "none".
        precision: Of everything.
        device: "cpu", "cuda" or "cuda:N".
        speaks: False.
    """

    def __init__(
        self, model: Any, architecture: Architecture, *, precision: str, device: str, threads: int | None, side: Side
    ) -> None:
        self.architecture = architecture
        self.precision = precision
        self.device = device
        self.speaks = False
        self.threads = threads
        self.side = side
        self.model = model
        self._accepts = set(signature(model.forward).parameters)
        self._blocks = _blocks(model, architecture.depth)
        if side == "left" and not self._accepts & {"position_ids"} and architecture.longest is not None:
            raise OptionError(f"side: want right for {architecture.kind}, which cannot be told places, got left")

    @property
    def budget(self) -> int:
        """Tokens of a batch, padding included."""
        return 2_048 if self.device == "cpu" else 65_536

    @property
    def versions(self) -> Mapping[str, str]:
        """Of torch and the library."""
        import torch
        import transformers

        return {"torch": str(torch.__version__), "transformers": str(transformers.__version__)}

    @staticmethod
    def open(
        folder: str | Path,
        *,
        precision: str = "float32",
        device: str = "auto",
        threads: int | None = None,
        side: Side = "right",
    ) -> LibraryEngine:
        """The model of a Hugging Face folder, by the library's code alone: none of the folder's is run, nothing is unpickled.

        Args:
            folder: With config.json and safetensors.
            precision: "float32", "bfloat16" or "float16".
            device: "cpu", "cuda", "cuda:N", or "auto": the accelerator where there is one.
            threads: torch's while it runs, put back after; None leaves them as they are.
            side: Where padding is put.

        Raises:
            MissingExtraError: torch or transformers is not installed.
            UnknownNameError: the library does not know the architecture either.
            OptionError: the folder asks for its own code to be run, holds pickled weights only, or a model that does not read token ids.
            CorruptError: files that are missing, cut short or do not fit the config.
            DeviceMemoryError: the model does not fit.
        """
        torch = need("torch", extra="torch")
        need("transformers", extra="hf")
        option(precision, PRECISIONS, name="precision")
        option(side, ("right", "left"), name="side")
        if threads is not None:
            integer(threads, name="threads", least=1)
        folder = Path(folder)
        place = device_named(device)
        _known(folder)
        for path in weight_files(folder):
            read_header(path)
        with torch.inference_mode(), memory_errors(str(folder)):
            model, config = _load(folder)
            model = model.to(device=place, dtype=getattr(torch, precision)).eval()
            architecture = _architecture(folder, config, causal=_causal(folder, model))
        return LibraryEngine(model, architecture, precision=precision, device=place, threads=threads, side=side)

    def run(
        self,
        tokens: Tokens,
        *,
        layers: Sequence[int],
        attention: Attention | None = None,
        patch: Patch | None = None,
        texts: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float32]:
        """Hidden states float32 (len(layers), tokens, width), as the library numbers and norms them.

        A patch sees the states of tokens alone, float32, without padding; at `depth` before a final norm.

        Raises:
            InputError: ids outside the vocabulary, a text longer than the model's places, or a patch that gives another shape.
            OptionError: layers that are not there, another attention than the model's own, or a patch where blocks cannot be reached.
            DeviceMemoryError: the batch does not fit in memory.
        """
        a = self.architecture
        layers = [integer(layer, name="layers", least=0, most=a.depth) for layer in layers]
        own = "causal" if a.causal else "bidirectional"
        if attention is not None and option(attention, ("causal", "bidirectional"), name="attention") != own:
            raise OptionError(
                f"attention: want {own} of {a.kind}, which the transformers library runs, got {attention}"
            )
        if patch is not None and self._blocks is None:
            raise OptionError(f"patch: want none for {a.kind}, whose blocks are not a plain list, got one")
        self._check(tokens)
        with threads_set(self.threads), memory_errors("tokens"):
            out = np.zeros((len(layers), len(tokens.ids), a.width), np.float32)
            if len(tokens.ids):
                batch = Batch(np.arange(len(tokens)) if texts is None else np.asarray(texts), tokens.offsets)
                states = _Pass(self, tokens, batch, patch).states(layers)
                for place, layer in enumerate(layers):
                    out[place] = states[layer]
        return out

    def logits(self, hidden: Array) -> Vectors:  # noqa: ARG002 - the interface of engines
        """Refused: the model has no head here.

        Raises:
            OptionError: always.
        """
        self._mute("logits")

    def generate(self, tokens: Tokens, **options: Any) -> list[list[int]]:  # noqa: ARG002 - the interface of engines
        """Refused: the model has no head here.

        Raises:
            OptionError: always.
        """
        self._mute("generate")

    def _mute(self, what: str) -> NoReturn:
        raise OptionError(f"{what}: want a model with a head over its vocabulary, got {self.architecture.kind} without")

    def _check(self, tokens: Tokens) -> None:
        check(tokens, self.architecture)
        longest, most = int(tokens.lengths.max(initial=0)), self.architecture.longest
        if most is not None and longest > most:
            raise InputError(f"tokens: want texts of at most {most} tokens, got one of {longest}")

    def forward(self, ids: Tensor, mask: Tensor, *, every: bool) -> Any:
        """The library's output for padded ids and their mask (texts, longest)."""
        given: dict[str, Any] = {"input_ids": ids, "attention_mask": mask.long()}
        if every:
            given["output_hidden_states"] = True
        if "use_cache" in self._accepts:
            given["use_cache"] = False
        if self.side == "left" and "position_ids" in self._accepts and not _places_from_ids(self.model):
            given["position_ids"] = (mask.long().cumsum(1) - 1).clip(min=0)
        return self.model(**given)

    @property
    def blocks(self) -> Any:
        """The list of blocks, where there is one that a patch can reach."""
        return self._blocks


class _Pass:
    """One batch on its way through a model: padding put on, states and patches taken between blocks, padding taken off."""

    def __init__(self, engine: LibraryEngine, tokens: Tokens, batch: Batch, patch: Patch | None) -> None:
        import torch

        self.engine = engine
        self.batch = batch
        self.patch = patch
        lengths = tokens.lengths[tokens.lengths > 0]
        longest = int(lengths.max())
        place = np.arange(longest)
        seen = place < lengths[:, None] if engine.side == "right" else place >= longest - lengths[:, None]
        padding = getattr(engine.model.config, "pad_token_id", None)
        ids = np.full(seen.shape, 0 if padding is None else padding, np.int64)
        ids[seen] = tokens.ids
        self.ids, self.mask = (torch.from_numpy(x).to(engine.device) for x in (ids, seen))
        self.kept: dict[int, NDArray[np.float32]] = {}

    def states(self, layers: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """States (tokens, width) of layers."""
        depth = self.engine.architecture.depth
        if self.patch is None:
            found = self.engine.forward(self.ids, self.mask, every=True).hidden_states
            return {layer: self._flat(found[layer]).cpu().numpy() for layer in set(layers)}
        hooks = [
            block.register_forward_pre_hook(self._before(layer), with_kwargs=True)
            for layer, block in enumerate(self.engine.blocks)
        ]
        hooks.append(self.engine.blocks[-1].register_forward_hook(self._after(depth)))
        try:
            last = self.engine.forward(self.ids, self.mask, every=False).last_hidden_state
        finally:
            for hook in hooks:
                hook.remove()
        self.kept[depth] = self._flat(last).cpu().numpy()
        return self.kept

    def _flat(self, padded: Tensor) -> Tensor:
        return padded[self.mask].float()

    def _before(self, layer: int) -> Any:
        def hook(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            if given:
                return (self._patched(layer, given[0]), *given[1:]), named
            return given, {**named, "hidden_states": self._patched(layer, named["hidden_states"])}

        return hook

    def _after(self, layer: int) -> Any:
        def hook(_: Any, given: Any, made: Any) -> Any:
            del given
            if isinstance(made, tuple):
                return (self._patched(layer, made[0]), *made[1:])
            return self._patched(layer, made)

        return hook

    def _patched(self, layer: int, padded: Tensor) -> Tensor:
        import torch

        if padded.shape[:2] != self.mask.shape:
            raise OptionError(
                f"patch: want none for {self.engine.architecture.kind}, whose states lie in another order"
            )
        flat = self._flat(padded)
        changed: Any = None if self.patch is None else self.patch(layer, flat, self.batch)
        changed = flat if changed is None else torch.as_tensor(changed, dtype=torch.float32, device=flat.device)
        if changed.shape != flat.shape:
            raise InputError(
                f"patch: want states of shape {tuple(flat.shape)} after layer {layer}, got {tuple(changed.shape)}"
            )
        self.kept[layer] = changed.cpu().numpy().copy()
        out = padded.clone()
        out[self.mask] = changed.to(padded.dtype)
        return out


def _known(folder: Path) -> None:
    """Refuse what the library does not know, before it is asked to load anything."""
    from transformers import CONFIG_MAPPING

    config = configs.load(folder)
    kind = str(config.get("model_type"))
    if kind in CONFIG_MAPPING:
        return
    if "auto_map" in config:
        raise OptionError(
            f"{folder}: want an architecture that the transformers library knows; got {kind!r}, which asks for code from its folder "
            "to be run. That is never done"
        )
    raise UnknownNameError(
        f"{folder / 'config.json'}: model_type: want one that the installed transformers library knows, got {kind!r}"
    )


def _load(folder: Path) -> tuple[Any, Any]:
    """The part of the model that reads texts, and its config; nothing in it is left at random."""
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES as ENCODERS

    with _quiet():
        try:
            config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
            two = bool(getattr(config, "is_encoder_decoder", False))
            alone = config.model_type in ENCODERS
            auto = transformers.AutoModelForTextEncoding if alone else transformers.AutoModel
            model, told = auto.from_pretrained(
                folder,
                trust_remote_code=False,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            if isinstance(error, MemoryError) or "memory" in str(error):
                raise
            raise CorruptError(f"{folder}: want a model that the transformers library can load, got {error}") from error
    part = model.get_encoder() if two else model
    inside = {name for name, _ in model.named_parameters()} if part is model else _names(model, part)
    missing = sorted(name for name in told["missing_keys"] if name in inside and "pooler" not in name)
    if missing:
        raise CorruptError(f"{folder}: want a tensor {missing[0]} in the weights ({len(missing)} in all), found none")
    return part, config


def _names(model: Any, part: Any) -> set[str]:
    held = {id(values) for values in part.parameters()}
    return {name for name, values in model.named_parameters(remove_duplicate=False) if id(values) in held}


@contextmanager
def _quiet() -> Generator[None]:
    """The library's progress bars and reports off, then as they were."""
    from transformers.utils import logging

    shown, loud = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(loud)
        if shown:
            logging.enable_progress_bar()


def _causal(folder: Path, model: Any) -> bool:
    """Whether the first token's last state is the same whatever follows: found by trying."""
    import torch

    ids = torch.tensor([[1, 2, 3]], device=next(model.parameters()).device)
    try:
        first, alone = (model(input_ids=x, attention_mask=torch.ones_like(x)) for x in (ids, ids[:, :1]))
        one, other = first.last_hidden_state[0, 0].float(), alone.last_hidden_state[0, 0].float()
    except (TypeError, ValueError, AttributeError, KeyError, IndexError, NotImplementedError) as error:
        raise OptionError(
            f"{folder}: want a model that reads token ids and gives last hidden states, got {error}"
        ) from error
    return bool((one - other).abs().max() <= 1e-3 * other.abs().max())


def _architecture(folder: Path, config: Any, *, causal: bool) -> Architecture:
    text = (
        config.get_text_config(encoder=True)
        if getattr(config, "is_encoder_decoder", False)
        else config.get_text_config()
    )
    try:
        width, heads = int(text.hidden_size), int(text.num_attention_heads)
        longest = getattr(text, "max_position_embeddings", None)
        return Architecture(
            kind=str(config.model_type),
            depth=int(text.num_hidden_layers),
            width=width,
            heads=heads,
            kv_heads=int(getattr(text, "num_key_value_heads", None) or heads),
            head_dim=int(getattr(text, "head_dim", None) or width // heads),
            inner=int(getattr(text, "intermediate_size", None) or getattr(text, "d_ff", None) or 4 * width),
            vocabulary=int(text.vocab_size),
            causal=causal,
            positions="none",
            longest=int(longest) if longest and longest > 0 else None,
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise OptionError(f"{folder}: want a config with layers, width, heads and vocabulary, got {error}") from error


def _blocks(model: Any, depth: int) -> Any:
    """The list of the model's blocks, or None where no list of that length is in it."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth:
            return module
    return None


def _places_from_ids(model: Any) -> bool:
    """Whether the model counts places from ids that are not padding (RoBERTa's kin), and so needs not be told."""
    return any(hasattr(m, "create_position_ids_from_inputs_embeds") for m in model.modules())
