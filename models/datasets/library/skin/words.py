"""Puts what skin data sets say of a patient and a lesion into shared words."""

from collections.abc import Iterable

from models.datasets.library.values import age_groups
from models.datasets.unstated import UNSTATED

SKIN_TYPES = {"1": "I", "2": "II", "3": "III", "4": "IV", "5": "V", "6": "VI"}
TYPE_GROUPS = {"III": "III-V", "IV": "III-V", "V": "III-V"}
SITE_GROUPS = {
    "head/neck": "head",
    "upper extremity": "extremity",
    "lower extremity": "extremity",
    "anterior torso": "torso",
    "posterior torso": "torso",
    "lateral torso": "torso",
}
UNKNOWN = UNSTATED | {"none"}


def known(cells: Iterable[str]) -> list[str]:
    """Cells as they are, empty where the table only says that the value is unknown."""
    return ["" if cell.lower() in UNKNOWN else cell for cell in cells]


def skin_types(cells: Iterable[str]) -> list[str]:
    """Fitzpatrick type as a Roman numeral, from numerals of either kind (also `3.0`); else empty."""
    return [skin_type(cell) for cell in cells]


def skin_type(cell: str) -> str:
    """One Fitzpatrick type."""
    digit = cell.removesuffix(".0")
    return SKIN_TYPES.get(digit, digit if digit in SKIN_TYPES.values() else "")


def skin_type_groups(types: Iterable[str]) -> list[str]:
    """Types III to V as one, as in KnoBo's split by skin colour; the others as they are."""
    return [TYPE_GROUPS.get(cell, cell) for cell in types]


def site_groups(sites: Iterable[str]) -> list[str]:
    """Head, extremity or torso for the general sites of the ISIC archive; the others as they are."""
    return [SITE_GROUPS.get(site, site) for site in sites]


def skin_age_groups(ages: Iterable[str]) -> list[str]:
    """30 and younger, 70 and older, or between: KnoBo's split of skin images by age."""
    return age_groups(ages, young=30, old=70)


def yes_or_no(cells: Iterable[str]) -> list[str]:
    """True as `1`, false as `0`, anything else as unknown."""
    words = {"true": "1", "yes": "1", "1": "1", "false": "0", "no": "0", "0": "0"}
    return [words.get(cell.lower(), "") for cell in cells]
