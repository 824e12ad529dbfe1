"""What a fetch needs to know: the query, who asks, and how patiently."""

import os
import re
from dataclasses import dataclass
from datetime import date

from knowledge.errors import KnowledgeError

EUTILS = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/"
WINDOW = 9_999  # PubMed lists no record of a search beyond this one
SPACING_S = 0.37  # three requests a second are allowed, and exactly a third of a second still trips the limit
SPACING_WITH_KEY_S = 0.12  # ten a second are allowed


@dataclass(frozen=True, slots=True)
class PubmedQuery:
    """What is wanted of PubMed.

    Attributes:
        term: In PubMed's own query language.
        maximum: Records at most in one run: up to 9,999 PubMed's best matches, above that the newest by
            Entrez date; each update adds up to as many of what entered since.
        since: First Entrez date (the day a record entered PubMed) that counts.
    """

    term: str
    maximum: int | None = None
    since: date | None = None

    def __post_init__(self) -> None:
        if not self.term.strip():
            raise KnowledgeError("The PubMed query is empty: write one as on the PubMed page.")
        if self.maximum is not None and self.maximum < 1:
            raise KnowledgeError(f"The PubMed query asks for at most {self.maximum} records: give 1 or more.")


@dataclass(frozen=True, slots=True)
class EntrezSettings:
    """Who asks, where, and how patiently.

    Attributes:
        email: Sent with every request, as NCBI requires; NCBI writes there before it blocks an address.
        tool: Name of the program, without spaces.
        api_key_env: Environment variable that holds the API key; unset means three requests a second.
        base_url: Where E-utilities answer; another one for a mirror or a test.
        batch: Records of one efetch and of one file.
        workers: Requests under way at once; the limiter paces them all.
        timeout_s: Silence on the socket after which a request counts as failed.
        answer_s: Longest time for one whole answer, however steadily it trickles.
        attempts: Tries of one request before the fetch stops.
        longest_wait_s: A `Retry-After` above this stops the fetch instead.
        overlap_days: Days before the last complete run that an update asks for again.
        fresh_days: A complete run younger than this is used as it is.
    """

    email: str
    tool: str = "knobo"
    api_key_env: str = "NCBI_API_KEY"
    base_url: str = EUTILS
    batch: int = 200
    workers: int = 3
    timeout_s: float = 30.0
    answer_s: float = 600.0
    attempts: int = 6
    longest_wait_s: float = 300.0
    overlap_days: int = 7
    fresh_days: float = 0.5

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", self.email):
            raise KnowledgeError("E-utilities require an e-mail address: set `email` of the PubMed source.")
        if not re.fullmatch(r"[^\s]+", self.tool):
            raise KnowledgeError(
                f"The tool name {self.tool!r} sent to E-utilities must have no spaces: change it."
            )
        if not re.fullmatch(r"https?://[^\s?#@]+", self.base_url):
            raise KnowledgeError(
                f"{self.base_url!r} is no http(s) address without query: correct `base_url`."
            )
        if not 1 <= self.batch <= WINDOW or self.workers < 1 or self.attempts < 1:
            raise KnowledgeError(
                f"A PubMed source cannot run with batch {self.batch}, workers {self.workers} and attempts "
                f"{self.attempts}: batch is 1 to {WINDOW}, the others are 1 or more."
            )

    @property
    def api_key(self) -> str | None:
        """The key in the environment, never kept in this object; `None` without one."""
        return os.environ.get(self.api_key_env, "").strip() or None if self.api_key_env else None

    @property
    def spacing_s(self) -> float:
        """Seconds between two requests that stay below the allowed rate."""
        return SPACING_WITH_KEY_S if self.api_key else SPACING_S
