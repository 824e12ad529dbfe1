"""Whether something other than the confounder differs between the parts, too."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.splits.cells import DATA_SET
from models.splits.checks.finding import CheckFinding
from models.splits.checks.listing import Listing, Placed, count_placed

MOST_VALUES = 20  # of an attribute; beyond it (ages, dates) there is no mixture to compare
LEAST_DISTANCE = 0.1  # of the shares, in total variation, below which a difference does not matter
LEVEL = 0.001  # of the test, shared among all comparisons of a split
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mixture:
    """One attribute in train and in another part.

    Attributes:
        attribute: Its name.
        part: The part compared with train.
        value: The value whose share differs most.
        share_train, share_part: Of that value.
        distance: Total variation distance of all shares, averaged over the classes.
        p: Of a chi-square test within the classes; images count as independent.
    """

    attribute: str
    part: str
    value: str
    share_train: float
    share_part: float
    distance: float
    p: float


def attribute_mixture(listing: Listing) -> CheckFinding:
    """Whether view, sex, site or the like are mixed as in train, within each class.

    Counts: the distance in hundredths under `shifted: view`, for every comparison.
    """
    mixtures = list(compared(listing))
    found = [each for each in mixtures if each.distance >= LEAST_DISTANCE and each.p * len(mixtures) < LEVEL]
    counts = {f"{each.part}: {each.attribute}": round(100 * each.distance) for each in mixtures}
    if found:
        message = "mixed otherwise than in train: " + "; ".join(map(describe, found))
    elif mixtures:
        names = ", ".join(dict.fromkeys(each.attribute for each in mixtures))
        message = f"every part is mixed as train is ({names})"
    else:
        message = "no other attribute is declared, so none could be compared"
    return CheckFinding(listing.name, "attribute_mixture", "warning" if found else "passed", message, counts)


def describe(mixture: Mixture) -> str:
    """`view in shifted (AP 62 %, in train 11 %)`."""
    one, two = round(100 * mixture.share_part), round(100 * mixture.share_train)
    return f"{mixture.attribute} in {mixture.part} ({mixture.value} {one} %, in train {two} %)"


def compared(listing: Listing) -> Iterator[Mixture]:
    """Each attribute in each part against train; the confounder only where it should not move."""
    inside = listing.inside()
    declared = set().union(*(each.record.attributes.keys() for each in inside))
    for name in sorted(declared | {DATA_SET}):
        table = counted(inside, name)
        values = sorted({value for _, _, value in table})
        if not 2 <= len(values) <= MOST_VALUES:
            continue
        train = matrix(table, "train", listing.classes, values)
        for part in listing.parts:
            if part == "train" or (name == listing.attribute and part == "shifted"):
                continue
            other = matrix(table, part, listing.classes, values)
            if train.any() and other.any():
                yield mixture_of(name, part, values, train, other)


def counted(images: Sequence[Placed], attribute: str) -> Counter[tuple[str, str, str]]:
    """Images by part, class and value."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for (part, label, value), count in count_placed(images, attribute).items():
        counts[part, label, value or UNKNOWN] += count
    return counts


def matrix(
    table: Counter[tuple[str, str, str]], part: str, classes: Sequence[str], values: Sequence[str]
) -> NDArray[np.float64]:
    """Images of a part `(classes, values)`."""
    return np.array([[table[part, label, value] for value in values] for label in classes], dtype=np.float64)


def mixture_of(
    attribute: str,
    part: str,
    values: Sequence[str],
    train: NDArray[np.float64],
    other: NDArray[np.float64],
) -> Mixture:
    """How far the shares of two tables `(classes, values)` are apart."""
    both = (train.sum(axis=1) > 0) & (other.sum(axis=1) > 0)
    train, other = train[both], other[both]
    share_train, share_other = (table / table.sum(axis=1, keepdims=True) for table in (train, other))
    apart = np.abs(share_other - share_train)
    label, value = np.unravel_index(int(apart.argmax()), apart.shape) if apart.size else (0, 0)
    return Mixture(
        attribute,
        part,
        values[int(value)],
        float(share_train[label, value]) if apart.size else 0.0,
        float(share_other[label, value]) if apart.size else 0.0,
        float(apart.sum(axis=1).mean() / 2) if apart.size else 0.0,
        p_value(train, other),
    )


def p_value(train: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Of Pearson's chi-square within each class, statistics and degrees of freedom added up."""
    from scipy.stats import chi2  # noqa: PLC0415  # half a second that a split without attributes need not wait

    statistic, freedom = 0.0, 0
    for rows in zip(train, other, strict=True):
        table = np.array(rows)
        table = table[:, table.sum(axis=0) > 0]
        expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
        statistic += float(((table - expected) ** 2 / expected).sum())
        freedom += table.shape[1] - 1
    return float(chi2.sf(statistic, freedom)) if freedom else 1.0
