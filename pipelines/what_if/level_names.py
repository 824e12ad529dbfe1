"""Names of what a yes and a no may be set to; the command line needs them before anything else is loaded."""

from enum import StrEnum


class LevelName(StrEnum):
    """`matched` keeps the distribution of the scores, `quantiles` are the 95th and 5th percentile."""

    MATCHED = "matched"
    QUANTILES = "quantiles"
    HARD = "hard"
