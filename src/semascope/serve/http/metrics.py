"""Figures for Prometheus: requests, models, queues, jobs, memory. Every label is one of a fixed few."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from semascope.serve.house import House

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
# The code of a refusal -> what it is counted as.
REASONS: Mapping[str, str] = {
    "invalid_api_key": "key",
    "guessing": "guessing",
    "host": "host",
    "origin": "origin",
    "content_type": "content_type",
    "header": "header",
    "closing": "closing",
    "flooded": "flooded",
}
# A status that a route answered with -> what it is counted as.
_STATUSES = {408: "slow_body", 413: "too_large", 429: "busy", 499: "gone", 503: "timeout"}
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class Metrics:
    """What one server counts, in a registry of its own.

    Args:
        house: What is served; its queues are read when the figures are.
        jobs: Gives how many long jobs are in which state.
    """

    def __init__(self, house: House, jobs: Callable[[], Mapping[str, int]]) -> None:
        self._registry = CollectorRegistry()
        to = self._registry
        self._requests = Counter("semascope_requests", "Requests answered.", ("method", "route", "status"), registry=to)
        self._seconds = Histogram(
            "semascope_request_seconds",
            "From the head of a request to the end of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=to,
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.in_flight = Gauge("semascope_requests_in_flight", "Requests being answered.", registry=to)
        self.rejected = Counter("semascope_rejected", "Requests and connections refused.", ("reason",), registry=to)
        self.connections = Gauge("semascope_connections", "Connections open.", registry=to)
        to.register(_Models(house))
        to.register(_Jobs(jobs))
        ProcessCollector(registry=to)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        known = method if method in _METHODS else "other"
        found = self._children.get((known, route, status))
        if found is None:
            # To look a child up by its labels takes longer than to count.
            found = self._requests.labels(known, route, str(status)), self._seconds.labels(route)
            self._children[known, route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def gave_up(self, status: int) -> None:
        """Count a request that a route refused, by its status."""
        reason = _STATUSES.get(status)
        if reason is not None:
            self.rejected.labels(reason).inc()

    def page(self) -> bytes:
        """All of it as Prometheus reads it."""
        return generate_latest(self._registry)


# What a batcher says of its load -> what it is called, what it is.
_GAUGES: Mapping[str, tuple[str, str]] = {
    "waiting_items": ("semascope_waiting_texts", "Texts that wait for a model."),
    "waiting_tokens": ("semascope_waiting_tokens", "Tokens that wait for a model."),
    "running_tokens": ("semascope_running_tokens", "Tokens of the batch that runs."),
    "pending_requests": ("semascope_pending_requests", "Requests accepted by a model and not answered."),
    "tokens_per_second": ("semascope_tokens_per_second", "Speed of a model as measured; 0 before that."),
    "mean_batch_items": ("semascope_batch_texts_mean", "Texts of a batch, on average."),
    "mean_batch_tokens": ("semascope_batch_tokens_mean", "Tokens of a batch, on average."),
}
_COUNTS: Mapping[str, tuple[str, str]] = {
    "batches": ("semascope_batches", "Batches encoded."),
    "items": ("semascope_texts", "Texts encoded."),
    "tokens": ("semascope_tokens", "Tokens encoded."),
    "requests": ("semascope_model_requests", "Requests that a model accepted."),
    "refused": ("semascope_model_refused", "Requests that a model refused because too much waited."),
}


class _Models(Collector):  # pyright: ignore[reportUntypedBaseClass]
    """What the models' queues say of themselves."""

    def __init__(self, house: House) -> None:
        self._house = house

    def collect(self) -> Iterable[Metric]:
        """One family of figures for each thing that a queue knows."""
        loads = {name: batcher.load() for name, batcher in self._house.models.items()}
        for field, (name, says) in _GAUGES.items():
            gauge = GaugeMetricFamily(name, says, labels=["model"])
            for model, load in loads.items():
                gauge.add_metric([model], load[field])
            yield gauge
        for field, (name, says) in _COUNTS.items():
            counter = CounterMetricFamily(name, says, labels=["model"])
            for model, load in loads.items():
                counter.add_metric([model], load[field])
            yield counter


class _Jobs(Collector):  # pyright: ignore[reportUntypedBaseClass]
    """How many long jobs are in which state."""

    def __init__(self, jobs: Callable[[], Mapping[str, int]]) -> None:
        self._jobs = jobs

    def collect(self) -> Iterable[Metric]:
        """One family."""
        found = self._jobs()
        gauge = GaugeMetricFamily("semascope_jobs", "Long jobs that are remembered, by state.", labels=["state"])
        for state in ("waiting", "running", "done", "failed", "cancelled"):
            gauge.add_metric([state], found.get(state, 0))
        yield gauge
