"""Numbers for Prometheus: what the ledger holds, asked when they are asked for, and how requests went."""

from __future__ import annotations

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labctl.ledger.engine import Ledger

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """The numbers of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "labctl_request_seconds",
            "Time until a request was answered; waiting for news is part of it.",
            ["method", "route", "status"],
            buckets=SECONDS,
            registry=self._registry,
        )

    def open(self, ledger: Ledger) -> None:
        """From now on tell of ``ledger`` too."""
        self._registry.register(_OfLedger(ledger))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)


class Timed:
    """Middleware that times requests, by the template of their route: addresses without one are counted together."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.observe(method, route, status, time.perf_counter() - began)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _OfLedger(Collector):
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterable[Metric]:
        jobs = GaugeMetricFamily("labctl_jobs", "Jobs by bench and state.", labels=["bench", "state"])
        for (bench, state), count in self._ledger.jobs.counts().items():
            jobs.add_metric([bench, state], count)
        silent = GaugeMetricFamily(
            "labctl_bench_silent_seconds", "Since its agent was last heard of.", labels=["bench"]
        )
        now = self._ledger.database.now()
        for entry in self._ledger.jobs.benches():
            silent.add_metric([entry.name], (now - entry.seen_at).total_seconds())
        bits = GaugeMetricFamily("labctl_bits", "Bits by origin, and where they went.", labels=["origin", "where"])
        for line in self._ledger.bits.account():
            for where in ("drawn", "drawable", "unhealthy", "odd"):
                bits.add_metric([line.origin, where], getattr(line, where))
        return [jobs, silent, bits]
