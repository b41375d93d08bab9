"""Which encoder do clicks call better, when the lists that people clicked in were made by one of the two?

python benchmarks/compare_clicks.py --data BEIR_FOLDER [--a default] [--b minilm] [--sessions 20] [--cache FOLDER]

People are made up: shown the ten first documents of A, of B, or of one of the two by a coin, they look at position k with probability 1 / k,
and click what they look at with probability 0.9 where it is relevant by the judgements, 0.05 where it is not. Then the two encoders are
compared by these clicks, plain and weighed by position, and by the judgements.
"""

from __future__ import annotations

import argparse

import numpy as np

from semascope.compare import Clicks, click_task, compare, read_clicks
from semascope.compare.comparing import Compared
from semascope.encoders import as_encoder
from semascope.encoders.jobs import Kept
from semascope.metrics import paired
from semascope.subject.tasks import open_tasks
from semascope.tasks import Retrieval


def clicked(found: Compared, shown: tuple[str, ...], sessions: int, seed: int = 0) -> Clicks:
    """Clicks in the lists of the encoders named in `shown`, one of them by chance each time."""
    task, rng = found.task, np.random.default_rng(seed)
    assert isinstance(task, Retrieval)
    names = list(task.documents)
    rows = []
    for at, unit in enumerate(task.units):
        for _ in range(sessions):
            places = found.result(shown[rng.integers(len(shown))]).places
            assert places is not None
            for position, place in enumerate(places[at][:10], 1):
                relevant = task.judged[unit].get(names[int(place)], 0) > 0
                if rng.random() < 1 / position and rng.random() < (0.9 if relevant else 0.05):
                    rows.append({"query": unit, "clicked": names[int(place)], "position": position})
    return read_clicks(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--a", default="default")
    parser.add_argument("--b", default="minilm")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--cache", default=None)
    args = parser.parse_args()
    (task,) = open_tasks(args.data, kinds=["retrieval"])
    assert isinstance(task, Retrieval)
    kept = {name: Kept(as_encoder(name), args.cache) for name in (args.a, args.b)}
    found = compare(kept, [task])[0]
    print(
        f"| lists shown were made by | judged by | {args.b} less {args.a}, nDCG@10 | p | queries |\n| --- | --- | --- | --- | ---: |"
    )
    print(f"| | judgements | {row(found.pairs[0].difference)}")
    for shown in ((args.a,), (args.b,), (args.a, args.b)):
        clicks = click_task("clicks", task.documents, clicked(found, shown, args.sessions), task.queries)
        for name, judge in (("clicks", clicks.task), ("clicks weighed by position", clicks.weighed)):
            assert judge is not None
            rows = [task.units.index(unit) for unit in judge.units]
            a, b = (judge.judge_ranking(found.result(one).places[rows]) for one in kept)  # type: ignore[index]
            print(f"| {' or '.join(shown)} | {name} | {row(paired(a, b))}", flush=True)


def row(one: object) -> str:
    return f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}] | {one.p:.2g} | {one.n} |"  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
