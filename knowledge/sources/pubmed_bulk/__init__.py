"""All of PubMed from its annual baseline and daily update files: mirrored, checked, and read as documents."""

from knowledge.sources.pubmed_bulk.currency import complete_until
from knowledge.sources.pubmed_bulk.fetching import Fetching
from knowledge.sources.pubmed_bulk.mirror import SyncReport, sync_bulk
from knowledge.sources.pubmed_bulk.reading import BulkReading, read_bulk
from knowledge.sources.pubmed_bulk.report import BadRecord, BulkReport
from knowledge.sources.pubmed_bulk.selection import Selection

__all__ = [
    "BadRecord",
    "BulkReading",
    "BulkReport",
    "Fetching",
    "Selection",
    "SyncReport",
    "complete_until",
    "read_bulk",
    "sync_bulk",
]
