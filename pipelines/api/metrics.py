"""What Prometheus collects of a server: counts and times, by names that the server itself gave."""

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Of one server; a registry of its own, so that several servers of one process do not mix.

    Attributes:
        requests: Answered, by method, route and status.
        seconds: To answer, by route.
        received: Bytes of bodies, by route.
        batches: Images encoded together.
        predictions: By split and class.
        waiting: Images received, waiting or in work.
        held: Bytes of their files.
        searching: Searches waiting or in work.
        passages: That can be searched.
        audits: Ended, by outcome; those of an earlier process of the server are not counted again.
        auditing: 1 while an audit runs.
        stages: Of that audit, finished.
        cut: Connections ended because the client did not ask or take in time, by reason.
        about: 1, with the run, its audit and the version as labels.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)  # memory, files, processor time
        self.requests = Counter(
            "knobo_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "knobo_request_seconds", "Time to answer.", ("route",), registry=registry, buckets=SECONDS
        )
        self.received = Counter(
            "knobo_received_bytes", "Bytes of request bodies.", ("route",), registry=registry
        )
        self.batches = Histogram(
            "knobo_batch_images", "Images encoded together.", registry=registry, buckets=SIZES
        )
        self.predictions = Counter(
            "knobo_predictions", "By split and class.", ("split", "predicted"), registry=registry
        )
        self.waiting = Gauge(
            "knobo_waiting_images", "Images received, waiting or in work.", registry=registry
        )
        self.held = Gauge("knobo_held_bytes", "Bytes of the files of those images.", registry=registry)
        self.searching = Gauge("knobo_waiting_searches", "Searches waiting or in work.", registry=registry)
        self.passages = Gauge("knobo_index_passages", "Passages that can be searched.", registry=registry)
        self.audits = Counter("knobo_audits", "Audits that ended.", ("outcome",), registry=registry)
        self.auditing = Gauge("knobo_audit_running", "Whether an audit runs.", registry=registry)
        self.stages = Gauge(
            "knobo_audit_stages_done", "Finished stages of the audit that runs.", registry=registry
        )
        self.cut = Counter(
            "knobo_cut_connections",
            "Ended as the client was too slow, or asked too far ahead.",
            ("why",),
            registry=registry,
        )
        self.about = Gauge("knobo_run_info", "What answers.", ("run", "audit", "version"), registry=registry)

    def tell_run(self, name: str, audit: str) -> None:
        """What answers."""
        self.about.labels(name, audit, version("knobo")).set(1)
