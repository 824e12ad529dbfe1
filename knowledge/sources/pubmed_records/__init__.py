"""PubMed XML cut into records, each parsed alone; and what a file holds, listed before it is read."""

from knowledge.sources.pubmed_records.index import FileIndex, index_file, live_records
from knowledge.sources.pubmed_records.pmids import PmidSet
from knowledge.sources.pubmed_records.record import BadRecordError, PubmedRecord, parse_deletion, parse_record
from knowledge.sources.pubmed_records.scan import ARTICLES, Piece, pieces

__all__ = [
    "ARTICLES",
    "BadRecordError",
    "FileIndex",
    "Piece",
    "PmidSet",
    "PubmedRecord",
    "index_file",
    "live_records",
    "parse_deletion",
    "parse_record",
    "pieces",
]
