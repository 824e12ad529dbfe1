"""Near-duplicates: images that differ in their bytes and are one picture all the same."""

from models.splits.checks.near.finding import near_duplicate_images
from models.splits.checks.near.search import NearPair, near_duplicates

__all__ = ["NearPair", "near_duplicate_images", "near_duplicates"]
