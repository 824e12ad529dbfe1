"""Whether parts hold enough of each class, in what proportion, and whether the attribute really moves."""

from collections import Counter
from collections.abc import Collection

from models.splits.cells import Cell, cell_of
from models.splits.checks.finding import CheckFinding, Severity
from models.splits.checks.listing import Listing, Placed, count_placed

FEWEST = 10  # images of a class in a part, or of a value in a class, below which its rate says nothing
MOST_UNEQUAL = 3.0  # the largest class over the smallest, above which accuracy alone misleads
SHOWN = 8  # small groups in the message; the counts hold them all

Cells = Counter[tuple[str, str, str]]
Sizes = Counter[tuple[str, str]]


def cell_counts(listing: Listing) -> CheckFinding:
    """Images by part, class and value of the attribute.

    An error where a class is absent from a part, or where the attribute goes with the class in shifted as it
    does in train. A warning where a class of a part has few images, or few of some value; a value that it has
    not at all is meant so. The images of such groups are named, and those of the cells that do not move.
    """
    cells = cells_of(listing)
    sizes = sizes_of(cells)
    used = used_parts(listing, sizes)
    pairs = [(part, label) for part in used for label in listing.classes]
    absent = [f"{part}/{label}" for part, label in pairs if not sizes[part, label]]
    few = {cell: size for cell, size in sorted(cells.items()) if size < FEWEST and cell[1] in listing.classes}
    small = [
        f"{part}/{label} {sizes[part, label]}" for part, label in pairs if 0 < sizes[part, label] < FEWEST
    ]
    small += [f"{named(cell)} {size}" for cell, size in few.items() if size < sizes[cell[:2]]]
    unmoved = unmoved_cells(listing, cells, sizes)
    severity: Severity = "error" if absent or unmoved else "warning" if small else "passed"
    concerned = {*few, *(("shifted", label, value) for label, value in unmoved)}
    return CheckFinding(
        listing.name,
        "cell_counts",
        severity,
        describe_sizes(absent, small, ["/".join(cell) for cell in unmoved], sizes),
        {"/".join(filter(None, cell)): count for cell, count in sorted(cells.items())},
        ids_in(listing, concerned),
    )


def ids_in(listing: Listing, cells: Collection[tuple[str, str, str]]) -> tuple[str, ...]:
    """Images of some cells."""
    if not cells:
        return ()
    return tuple(
        sorted({each.record.id for each in listing.inside() if cell_of_placed(each, listing) in cells})
    )


def cells_of(listing: Listing) -> Cells:
    """Images by part, class and value; the value is empty where the split has no attribute."""
    return count_placed(listing.inside(), listing.attribute)


def cell_of_placed(each: Placed, listing: Listing) -> tuple[str, str, str]:
    """Part, class and value of an image."""
    return each.part, *cell_of(each.record, listing.attribute)


def named(cell: tuple[str, str, str]) -> str:
    """`shifted/ill/new`."""
    part, label, value = cell
    return f"{part}/{label}/{value or 'unknown'}"


def sizes_of(cells: Cells) -> Sizes:
    """Images by part and class."""
    sizes = Sizes()
    for (part, label, _), count in cells.items():
        sizes[part, label] += count
    return sizes


def used_parts(listing: Listing, sizes: Sizes) -> list[str]:
    """All parts, but for the shifted part of a plain split, which is empty on purpose."""
    held = {part for part, _ in sizes}
    return [part for part in listing.parts if part in held or part != "shifted" or listing.attribute]


def unmoved_cells(listing: Listing, cells: Cells, sizes: Sizes) -> list[Cell]:
    """Cells of shifted that are as train has them.

    Where each class of train has a single value, no image of shifted may have it; where train is mixed, the
    commonest value of each class must be rarer in shifted. A class that has two values equally often in
    train goes with neither.
    """
    if not listing.attribute:
        return []
    train = {(label, value): count for (part, label, value), count in cells.items() if part == "train"}
    if all(count == sizes["train", label] for (label, _), count in train.items()):
        return [(label, value) for label, value in sorted(train) if cells["shifted", label, value]]
    commonest = {
        label: max((count, value) for (of, value), count in train.items() if of == label)
        for label in listing.classes
        if sizes["train", label]
    }
    return [
        (label, value)
        for label, (count, value) in commonest.items()
        if cells["shifted", label, value] * sizes["train", label] >= count * max(1, sizes["shifted", label])
        and [held for (of, _), held in train.items() if of == label].count(count) == 1
    ]


def describe_sizes(absent: list[str], small: list[str], unmoved: list[str], sizes: Sizes) -> str:
    """One sentence on the sizes, the gravest finding first."""
    if absent:
        return f"no images of {', '.join(absent)}"
    if unmoved:
        return f"the shifted part repeats cells of train: {', '.join(unmoved)}"
    if small:
        more = f" and {len(small) - SHOWN} more groups" if len(small) > SHOWN else ""
        return f"fewer than {FEWEST} images of {', '.join(small[:SHOWN])}{more}, too few to say anything"
    return f"each part has {min(sizes.values(), default=0)} or more images of each class"


def class_imbalance(listing: Listing) -> CheckFinding:
    """Whether a class outnumbers another, so that always naming it would be right too often.

    Counts: images of each class in each part, and under `in_domain always largest` how many images of a part
    are right, of a hundred, for whoever always names its largest class.
    """
    sizes = sizes_of(cells_of(listing))
    counts: dict[str, int] = {}
    worst: tuple[float, str, str, int] = (0.0, "", "", 0)
    for part in used_parts(listing, sizes):
        held = {label: sizes[part, label] for label in listing.classes}
        total, largest = sum(held.values()), max(held, key=lambda label: held[label])
        share = round(100 * held[largest] / max(1, total))
        counts |= {f"{part}/{label}": count for label, count in held.items()}
        counts[f"{part} always largest"] = share
        ratio = held[largest] / max(1, min(held.values()))
        worst = max(worst, (ratio, part, largest, share))
    ratio, part, largest, share = worst
    unequal = ratio > MOST_UNEQUAL
    message = (
        f"the largest class of {part} has {ratio:.1f} times as many images as the smallest; always naming "
        f"{largest} would be right for {share} % of it, so read balanced accuracy and AUROC, not accuracy"
        if unequal
        else f"no class has more than {MOST_UNEQUAL:g} times as many images as another in its part"
    )
    return CheckFinding(listing.name, "class_imbalance", "warning" if unequal else "passed", message, counts)
