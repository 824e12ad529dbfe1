"""What is looked at before any number: overlap, copies, contradictions, sizes, mixtures."""

from models.splits.checks.finding import CheckFinding, Severity, load_findings, save_findings, tolerated
from models.splits.checks.inspection import check_split, inspect, inspect_as_made, inspect_split
from models.splits.checks.listing import LEFT_OUT, Listing, Placed, listing_of

__all__ = [
    "LEFT_OUT",
    "CheckFinding",
    "Listing",
    "Placed",
    "Severity",
    "check_split",
    "inspect",
    "inspect_as_made",
    "inspect_split",
    "listing_of",
    "load_findings",
    "save_findings",
    "tolerated",
]
