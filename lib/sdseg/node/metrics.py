"""What Prometheus reads: counters of this process, and the state of the ledger at the moment of asking."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import OperationalError

from sdseg.errors import InputError
from sdseg.node.status import Status

NAMESPACE = "sdseg_node"
INFERENCE_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


class Counters:
    """Counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("received_instances", "Instances written and answered 0x0000.")
        self.duplicates = self._counter("duplicate_instances", "Instances that were there before.")
        self.ignored = self._counter("ignored_instances", "Objects that are no images.")
        self._refused = self._counter("refused_instances", "Instances refused, by status.", "status")
        self._rejected = self._counter("rejected_associations", "Associations refused, by reason.", "reason")
        self._deliveries = self._counter("deliveries", "Tries to deliver, by outcome.", "target", "outcome")
        self.inference = Histogram(
            "inference_seconds",
            "From received files to a SEG.",
            namespace=NAMESPACE,
            registry=self.registry,
            buckets=INFERENCE_BUCKETS,
        )

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, namespace=NAMESPACE, registry=self.registry)

    def refused(self, status: int) -> None:
        """An instance was refused."""
        self._refused.labels(f"0x{status:04X}").inc()

    def rejected(self, reason: str) -> None:
        """An association was refused."""
        self._rejected.labels(reason).inc()

    def delivery(self, target: str, outcome: str) -> None:
        """A delivery was tried: delivered, failed (to be tried again) or refused."""
        self._deliveries.labels(target, outcome).inc()


class LedgerCollector(Collector):
    """Gauges from the ledger; `take` looks at it anew each time."""

    def __init__(self, take: Callable[[], Status]) -> None:
        self._take = take

    def collect(self) -> Iterator[Metric]:
        """The gauges now."""
        try:
            status = self._take()
        except (OSError, OperationalError):  # a broken disk: what is missing is noticed
            return
        series = GaugeMetricFamily(f"{NAMESPACE}_series", "Series by state.", labels=["state"])
        for state, count in status.series.items():
            series.add_metric([state], count)
        yield series
        deliveries = GaugeMetricFamily(f"{NAMESPACE}_delivery_rows", "Deliveries.", labels=["target", "state"])
        for target, states in status.deliveries.items():
            for state, count in states.items():
                deliveries.add_metric([target, state], count)
        yield deliveries
        yield GaugeMetricFamily(f"{NAMESPACE}_queue_age_seconds", "Oldest unfinished series.", status.queue_age_seconds)
        yield GaugeMetricFamily(f"{NAMESPACE}_disk_free_bytes", "Free space of home.", status.disk_free_bytes)


def serve(counters: Counters, take: Callable[[], Status], host: str, port: int) -> Callable[[], None]:
    """Answer Prometheus on a thread of its own; gives what ends it. InputError where the port is taken."""
    counters.registry.register(LedgerCollector(take))
    try:
        server, thread = start_http_server(port, host, counters.registry)
    except OSError as error:
        raise InputError(f"metrics: {host}:{port} cannot be listened on ({error.strerror}): choose another.") from None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
