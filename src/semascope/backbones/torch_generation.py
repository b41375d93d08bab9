"""Further tokens, one at a time, keys and values of what was read kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semascope.backbones.architecture import Architecture
from semascope.backbones.torch_attention import Ragged
from semascope.backbones.torch_blocks import Network
from semascope.backbones.torch_parts import Tensor
from semascope.errors import OptionError
from semascope.ops import integer
from semascope.types import Tokens


class Cache:
    """Keys and values of every block for texts of different lengths, each text's from place 0 on: (texts, kv_heads, room, head_dim)."""

    def __init__(self, network: Network, lengths: NDArray[np.int64], room: int) -> None:
        import torch

        self.architecture = network.architecture
        self.lengths = lengths
        self.device = network.device
        a = self.architecture
        shape = (len(lengths), a.kv_heads, room, a.head_dim)
        self.kept = [
            [torch.zeros(shape, dtype=network.dtype, device=network.device) for _ in range(2)] for _ in range(a.depth)
        ]

    def read(self, network: Network, tokens: Tokens) -> Tensor:
        """Last states (texts, width) of the last tokens of prompts, sorted by length; their keys and values stay here."""
        import torch

        ragged = Ragged(self.architecture, self.lengths, True, network.bias)
        text = torch.from_numpy(np.repeat(np.arange(len(tokens)), self.lengths)).to(self.device)
        places = torch.from_numpy(np.concatenate([np.arange(n) for n in self.lengths])).to(self.device)

        def attend(block: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            for kept, new in zip(self.kept[block], (k, v), strict=True):
                kept[text, :, places] = new
            return ragged(block, q, k, v)

        x = self._blocks(network, torch.from_numpy(tokens.ids.astype(np.int64)).to(self.device), places, attend)
        return x[torch.from_numpy(tokens.offsets[1:] - 1).to(self.device)]

    def step(self, network: Network, ids: NDArray[np.int64]) -> Tensor:
        """Last states (texts, width) of one further token of each text."""
        import torch

        places = torch.from_numpy(self.lengths).to(self.device)
        self.lengths = self.lengths + 1
        rows = torch.arange(len(ids), device=self.device)
        room = int(self.lengths.max())
        seen = torch.arange(room, device=self.device)[None, :] <= places[:, None]
        reach = self.architecture.reach
        near = seen if reach is None else seen & (torch.arange(room, device=self.device) >= places[:, None] - reach)

        def attend(block: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            a = self.architecture
            for kept, new in zip(self.kept[block], (k, v), strict=True):
                kept[rows, :, places] = new
            keys, values = (t[:, :, :room].repeat_interleave(a.heads // a.kv_heads, dim=1) for t in self.kept[block])
            mask = (near if block in a.local_layers else seen)[:, None, None]
            f = torch.nn.functional
            mixed = f.scaled_dot_product_attention(q[:, :, None], keys, values, attn_mask=mask, scale=a.scale(block))
            return mixed.reshape(len(ids), -1)

        return self._blocks(network, torch.from_numpy(ids).to(self.device), places, attend)

    def _blocks(self, network: Network, ids: Tensor, places: Tensor, attend: object) -> Tensor:
        angles = network.turns(places)
        x = network.embed(ids, places)
        for block in network.blocks:
            x = block(x, attend, angles)  # pyright: ignore[reportArgumentType]
        return x if network.final_norm is None else network.final_norm(x)

    def keep(self, texts: NDArray[np.int64]) -> None:
        """Forget all texts but these."""
        import torch

        rows = torch.from_numpy(texts).to(self.device)
        self.lengths = self.lengths[texts]
        self.kept = [[kept[rows] for kept in pair] for pair in self.kept]


def generate(
    network: Network, tokens: Tokens, *, most: int, temperature: float, top_p: float, rng: np.random.Generator
) -> list[list[int]]:
    """What `TorchEngine.generate` does."""
    integer(most, name="most", least=0)
    if not temperature >= 0:
        raise OptionError(f"temperature: want at least 0, got {temperature}")
    if not 0 < top_p <= 1:
        raise OptionError(f"top_p: want above 0 and at most 1, got {top_p}")
    draws = [np.random.default_rng(seed) for seed in rng.integers(2**63, size=len(tokens))]
    made: list[list[int]] = [[] for _ in range(len(tokens))]
    order = np.argsort(tokens.lengths, kind="stable")
    live = order[tokens.lengths[order] > 0]
    if not len(live) or not most:
        return made
    a, prompts = network.architecture, tokens.take(live)
    limits = _limits(a, prompts.lengths, most)
    cache = Cache(network, prompts.lengths, int((prompts.lengths + limits).max()))
    states = cache.read(network, prompts)
    while True:
        scores = _scores(network, states)
        chosen = np.array([choose(s, draws[t], temperature, top_p) for s, t in zip(scores, live, strict=True)])
        going = np.zeros(len(live), bool)
        for place, (text, token) in enumerate(zip(live, chosen, strict=True)):
            if token not in a.ends and limits[place] > len(made[text]):
                made[text].append(int(token))
                going[place] = len(made[text]) < limits[place]
        if not going.any():
            return made
        if not going.all():
            places = np.flatnonzero(going)
            live, chosen, limits = live[places], chosen[places], limits[places]
            cache.keep(places)
        states = cache.step(network, chosen)


def _limits(a: Architecture, lengths: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """How many tokens each text may get: a learned table of places ends."""
    if a.positions not in ("learned", "relative"):
        return np.full(len(lengths), most)
    return np.minimum(most, (a.longest or 0) - lengths + 1)


def _scores(network: Network, states: Tensor) -> NDArray[np.float64]:
    if network.head is None:
        raise OptionError("generate: want a model with a head over its vocabulary, got one without")
    return network.head(states).cpu().numpy().astype(np.float64)


def choose(scores: NDArray[np.float64], rng: np.random.Generator, temperature: float, top_p: float) -> int:
    """One token by its scores (vocabulary,): the likeliest at temperature 0, else drawn from the likeliest that hold `top_p`.

    Nucleus sampling: Holtzman et al. 2020, section 3.1. One number is drawn whatever the options.
    """
    draw = rng.random()
    if temperature == 0:
        return int(scores.argmax())
    scaled = (scores - scores.max()) / temperature
    order = np.argsort(-scaled, kind="stable")
    p = np.exp(scaled[order])
    total = np.cumsum(p / p.sum())
    # The token that crosses top_p is kept.
    kept = int(np.searchsorted(total, top_p)) + 1
    held = min(kept, len(order))
    return int(order[min(int(np.searchsorted(total[:held], draw * total[held - 1], side="right")), held - 1)])
