"""Do the tests catch bugs? One is planted at a time in a copy of the source; some layer has to see each.

The layers: `contract` (semascope.testing over the method's card), `numerics` (tests/numerics), `claim` (the card's
check at one seed), `light` (no heavy import). Run with `pytest -m slow tests/contract`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Bug:
    """A change to one file, and which layers are known to see it."""

    what: str
    method: str
    file: str
    old: str
    new: str
    seen_by: frozenset[str]


def bug(what: str, method: str, file: str, old: str, new: str, *seen_by: str) -> Bug:
    return Bug(what, method, file, old, new, frozenset(seen_by))


BUGS = [
    bug(
        "padding is read",
        "mean",
        "types.py",
        "mask = np.asarray(mask, dtype=bool)\n        total",
        "mask = np.ones_like(np.asarray(mask, dtype=bool))\n        total",
        "contract",
    ),
    bug(
        "a text without tokens gets its neighbour's",
        "mean",
        "ops/segments.py",
        "        if stop > start:\n            out[text] = row(start, stop)",
        "        out[text] = row(min(start, states.hidden.shape[1] - 1), max(stop, start + 1))",
        "contract",
    ),
    bug("sums in too few bits", "mean", "pooling/mean.py", ", dtype=np.float64", ", dtype=np.float32", "contract"),
    bug(
        "an empty place counts as zero",
        "max",
        "pooling/max.py",
        "rows.max(axis=0)",
        "rows.max(axis=0, initial=0.0)",
        *("contract", "numerics"),
    ),
    bug(
        "off by one in the last token",
        "last",
        "pooling/last.py",
        "return each_text(states, lambda rows: rows[-1])",
        "return each_text(states, lambda rows: rows[-2:][0])",
        "numerics",
    ),
    bug(
        "positions counted from nought",
        "weighted",
        "pooling/weighted.py",
        "np.arange(1, len(rows) + 1, dtype=np.float64)",
        "np.arange(len(rows), dtype=np.float64)",
        *("contract", "numerics"),
    ),
    bug(
        "divides by the variance",
        "whiten",
        "ops/whitening.py",
        "1 / np.sqrt(np.where(real, variance, 1))",
        "1 / np.where(real, variance, 1)",
        "numerics",
    ),
    bug(
        "keeps the weakest axes",
        "whiten",
        "ops/whitening.py",
        "variance, axes = variance[::-1].clip(0), axes[:, ::-1]",
        "variance, axes = variance.clip(0), axes",
        *("contract", "numerics"),
    ),
    bug(
        "blows up rounding noise",
        "whiten",
        "ops/whitening.py",
        "real = variance > max(variance[0] * _NOISE**2, float(np.finfo(np.float32).tiny) ** 2)",
        "real = variance > 0",
        "",
    ),
    bug(
        "fit changes an option",
        "whiten",
        "transforms/whiten.py",
        "        mean, matrix = whitening(X",
        "        self.n_components = min(keep, 4)\n        mean, matrix = whitening(X",
        "contract",
    ),
    bug(
        "an option is converted",
        "whiten",
        "transforms/whiten.py",
        "self.shrink = shrink",
        "self.shrink = shrink or 'auto'",
        "numerics",
    ),
    bug(
        "options are swallowed",
        "truncate",
        "transforms/truncate.py",
        "def __init__(self, n_components: int | None = None) -> None:",
        "def __init__(self, n_components: int | None = None, **options: object) -> None:",
        "contract",
    ),
    bug(
        "an option is not documented",
        "remove_top",
        "transforms/remove_top.py",
        "        n_removed: How many axes to remove",
        "        How many axes to remove",
        "contract",
    ),
    bug(
        "the mean is not subtracted",
        "remove_top",
        "transforms/remove_top.py",
        "Affine(mean.astype(np.float32), ",
        "Affine(0 * mean.astype(np.float32), ",
        *("numerics", "claim"),
    ),
    bug(
        "the last columns instead of the first",
        "truncate",
        "transforms/truncate.py",
        "np.eye(X.shape[1], keep, dtype=np.float32)",
        "np.eye(X.shape[1], keep, -(X.shape[1] - keep), dtype=np.float32)",
        *("numerics", "claim"),
    ),
    bug(
        "rows see each other",
        "whiten",
        "learned/affine.py",
        "mapped(x, self.mean, self.matrix)",
        "mapped(x, x.mean(axis=0), self.matrix)",
        "contract",
    ),
    bug(
        "output in float64",
        "whiten",
        "learned/affine.py",
        "return mapped(x, self.mean, self.matrix)",
        "return mapped(x, self.mean, self.matrix).astype(np.float64)",
        "contract",
    ),
    bug(
        "input is written to",
        "int8",
        "compression/int8.py",
        "        low, high = X.min",
        "        X -= X.mean(axis=0)\n        low, high = X.min",
        "contract",
    ),
    bug(
        "input is not checked",
        "int8",
        "ops/door.py",
        "    if not finite:",
        "    if False:",
        "contract",
    ),
    bug(
        "values beyond the range wrap around",
        "int8",
        "learned/coders.py",
        "np.clip(np.rint((x - self.offset) / self.scale), -127, 127).astype(np.int8)",
        "np.rint((x - self.offset) / self.scale).astype(np.int64).astype(np.int8)",
        "numerics",
    ),
    bug(
        "the turn is not turned back",
        "one_bit",
        "learned/coders.py",
        "self.rotation.T)",
        "self.rotation)",
        *("contract", "numerics"),
    ),
    bug(
        "the global seed is set",
        "one_bit",
        "compression/one_bit.py",
        "np.random.default_rng(seed).normal(size=(dim, dim))",
        "(np.random.seed(seed), np.random.normal(size=(dim, dim)))[1]",
        "contract",
    ),
    bug(
        "the seed is not used",
        "one_bit",
        "compression/one_bit.py",
        "np.random.default_rng(seed)",
        "np.random.default_rng()",
        "contract",
    ),
    bug(
        "a file comes back in other bits",
        "int8",
        "learned/disk.py",
        "file.get_tensor(name) for",
        "file.get_tensor(name).astype(np.float64) for",
        "contract",
    ),
    bug(
        "a check that looks at nothing",
        "int8",
        "compression/int8.py",
        "return Evidence(ratio >= 4 and kept >= 0.97, found)",
        "return Evidence(ratio >= 0 and kept >= 0, found)",
        "claim",
    ),
    bug(
        "a layer is not looked at",
        "pooling_and_attention",
        "learned/attention.py",
        "self._block(self.latents, stand(tokens) + self.positions)",
        "self._block(self.latents, (stand(tokens) + self.positions)[1:])",
        *("contract", "numerics"),
    ),
    bug(
        "a prompt's tokens count",
        "nv_embed",
        "learned/attention.py",
        "kept = placed | ~some[owner]",
        "kept = np.ones_like(placed)",
        "numerics",
    ),
    bug(
        "the partners are not told apart",
        "pooling_and_attention",
        "ops/contrast.py",
        "loss = torch.nn.functional.cross_entropy(scores, torch.arange(len(chosen)))",
        "loss = -scores.diagonal().mean()",
        "numerics",
    ),
    bug(
        "torch's global seed is set",
        "nv_embed",
        "ops/contrast.py",
        "    warm = max(1, round(_WARM * steps))",
        "    torch.manual_seed(seed)\n    warm = max(1, round(_WARM * steps))",
        "contract",
    ),
    bug(
        "the first layer alone is whitened",
        "whiteningbert",
        "learned/pooled.py",
        "tokens.mean(axis=1, dtype=np.float64).mean(axis=0)",
        "tokens.mean(axis=1, dtype=np.float64)[0]",
        *("contract", "numerics"),
    ),
    bug(
        "the first copy is pooled",
        "echo_embeddings",
        "readouts/echo_embeddings.py",
        "prompts.inside(-1)",
        "prompts.inside(0)",
        "numerics",
    ),
    bug(
        "a place is counted in the first text of a batch",
        "token_prepending",
        "readouts/token_prepending.py",
        "hidden[batch.offsets[:-1] + at[batch.texts]] =",
        "hidden[at[batch.texts]] =",
        *("contract", "numerics"),
    ),
    bug(
        "the summary comes a layer late",
        "token_prepending",
        "readouts/token_prepending.py",
        "1 <= layer < until",
        "2 <= layer < until",
        "numerics",
    ),
    bug(
        "likelihoods are summed",
        "trajectory_meaning",
        "readouts/trajectory_meaning.py",
        "- lengths]) / lengths",
        "- lengths])",
        "numerics",
    ),
    bug(
        "special tokens are pooled",
        "bidirectional",
        "readouts/bidirectional.py",
        "kept(states, states.spans[:, 0] >= 0)",
        "states",
        "numerics",
    ),
    bug(
        "the state before the last is the answer's",
        "inbedder",
        "readouts/inbedder.py",
        '"first": place == own,',
        '"first": place == own - 1,',
        "numerics",
    ),
    bug(
        "rows are not centred",
        "word_inversion",
        "ops/discriminant.py",
        "centred = x - self.mean",
        "centred = x",
        "numerics",
    ),
    bug(
        "a tie counts for the right text",
        "candidate_inversion",
        "inversion/candidate_inversion.py",
        "(near >= np.take_along_axis(near, own[part, None], axis=1)).sum(axis=1)",
        "(near > np.take_along_axis(near, own[part, None], axis=1)).sum(axis=1) + 1",
        "numerics",
    ),
    bug(
        "too many texts are taken",
        "candidate_inversion",
        "ops/text_maps.py",
        "if len(known) != n:",
        "if len(known) < n:",
        "contract",
    ),
    bug(
        "usual nearness is taken off whole",
        "membership_inference",
        "inversion/membership_inference.py",
        ".mean(axis=1) / 2",
        ".mean(axis=1)",
        "numerics",
    ),
    bug(
        "the paragraph's own sentence is drawn as another's",
        "sentence_content",
        "evaluation/sentence_content.py",
        "near[owner, np.arange(len(owner))] = -np.inf",
        "near[owner, np.arange(len(owner))] += 0",
        "numerics",
    ),
    bug(
        "one pair is enough",
        "evalrank",
        "evaluation/evalrank.py",
        "if len(two) < 2 or",
        "if not two or",
        *("contract", "numerics"),
    ),
    bug(
        "a text as near as the partner does not count",
        "evalrank",
        "evaluation/evalrank.py",
        "found[here] = (near >= near[row, wanted[here]][:, None]).sum(axis=1)",
        "found[here] = 1 + (near > near[row, wanted[here]][:, None]).sum(axis=1)",
        *("numerics", "claim"),
    ),
    bug(
        "a score that is no number is averaged",
        "pteb",
        "evaluation/pteb.py",
        "if not np.isfinite(first.value()):",
        "if False:",
        *("contract", "numerics"),
    ),
    bug(
        "something heavy is imported",
        "mean",
        "pooling/mean.py",
        "import numpy as np\n",
        "import numpy as np\nimport scipy.linalg\n",
        "light",
    ),
]

SCRIPT = """
import contextlib, io, json, sys, warnings
warnings.simplefilter("ignore")
method, numerics = sys.argv[1:]
seen = {}
from semascope import registry
card = registry.card(method)
if {"scipy", "sklearn", "torch"} & set(sys.modules):
    seen["light"] = "heavy import"
from semascope.testing import broken
found = broken(card)
if found:
    seen["contract"] = ", ".join(found)
from semascope import checking
try:
    verdict = checking.run(card, seeds=(0,))
    if verdict.verdict != "holds":
        seen["claim"] = verdict.verdict
except Exception as error:
    seen["claim"] = type(error).__name__
import pytest
with contextlib.redirect_stdout(io.StringIO()):
    code = pytest.main([numerics, "-q", "-p", "no:cacheprovider", "-x"])
if code:
    seen["numerics"] = f"exit {int(code)}"
import semascope
print(json.dumps({"where": semascope.__file__, "seen": seen}))
"""


def layers_that_see(source: Path, method: str) -> dict[str, str]:
    """Run every layer in a process of its own over a copy of the source."""
    env = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", SCRIPT, method, str(ROOT / "tests" / "numerics")]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["where"].startswith(str(source))
    return answer["seen"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    left_out = shutil.ignore_patterns("__pycache__", "cli", "space")
    shutil.copytree(ROOT / "src" / "semascope", tmp_path / "semascope", ignore=left_out)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("planted", BUGS, ids=lambda planted: planted.what.replace(" ", "-"))
def test_a_planted_bug_is_seen(planted: Bug, source: Path) -> None:
    file = source / "semascope" / planted.file
    text = file.read_text("utf-8")
    assert planted.old in text, f"{planted.file} has changed: plant this bug anew"
    file.write_text(text.replace(planted.old, planted.new), "utf-8")
    seen = layers_that_see(source, planted.method)
    print(json.dumps({"bug": planted.what, "method": planted.method, "seen": seen}))
    assert seen
    assert set(seen) >= planted.seen_by - {""}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mean", "whiten", "one_bit"])
def test_nothing_is_seen_where_nothing_is_planted(method: str, source: Path) -> None:
    assert layers_that_see(source, method) == {}
