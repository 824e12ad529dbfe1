"""PubMed by query: a folder of XML files, fetched through E-utilities and brought up to date."""

from knowledge.sources.pubmed_api.fetching import fetch_pubmed
from knowledge.sources.pubmed_api.limiter import RateLimiter, entrez_limiter
from knowledge.sources.pubmed_api.report import FetchReport, RunSummary
from knowledge.sources.pubmed_api.settings import EntrezSettings, PubmedQuery

__all__ = [
    "EntrezSettings",
    "FetchReport",
    "PubmedQuery",
    "RateLimiter",
    "RunSummary",
    "entrez_limiter",
    "fetch_pubmed",
]
