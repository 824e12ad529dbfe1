"""One split as the report shows it: what was shifted, how many images, every number, every check."""

from collections import Counter
from dataclasses import dataclass

from models.domains import Check, DomainSplit
from pipelines.report.index import AuditIndex
from pipelines.report.input import ReportInput
from pipelines.report.method_table import (
    ExactTest,
    MetricTable,
    PairedTable,
    exact_tests,
    metric_tables,
    paired_tables,
)
from pipelines.report.methods import describe
from pipelines.report.wording import DOMAINS, PARTS, count, plain, uncapitalised

CELLS = "cell_counts"
PASSED, CAUTION, FAILED = "passed", "caution", "failed"
Cell = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PartCounts:
    """Images, images by cell, and patients of one part."""

    part: str
    images: int
    by_cell: tuple[int, ...]
    patients: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check and its counts."""

    name: str
    result: str
    message: str
    counts: str


@dataclass(frozen=True, slots=True)
class SplitView:
    """All of one split."""

    name: str
    anchor: str
    attribute: str
    classes: tuple[str, ...]
    in_mean: bool
    sizes: str
    seeds: str
    cells: tuple[str, ...]
    counts: tuple[PartCounts, ...]
    checks: tuple[CheckView, ...]
    tables: tuple[MetricTable, ...]
    paired: tuple[PairedTable, ...]
    exact: tuple[ExactTest, ...]

    @property
    def cautions(self) -> int:
        """Checks that did not pass."""
        return sum(check.result != PASSED for check in self.checks)


def split_views(report: ReportInput, index: AuditIndex) -> list[SplitView]:
    """Every split of the audit or of the run, in order."""
    known = {split.name: split for split in report.splits}
    names = dict.fromkeys((*index.splits, *known))
    return [split_view(report, index, name, known.get(name), place) for place, name in enumerate(names, 1)]


def split_view(
    report: ReportInput, index: AuditIndex, name: str, split: DomainSplit | None, place: int
) -> SplitView:
    """One of them."""
    cells = cells_of(split) if split else ()
    return SplitView(
        name=name,
        anchor=f"split-{place}",
        attribute=plain(split.attribute) if split else "",
        classes=tuple(plain(c) for c in split.classes) if split else (),
        in_mean=name in index.entering(report.outside_mean),
        sizes=sizes(index, name),
        seeds=seeds(index, name),
        cells=tuple(", ".join(filter(None, map(plain, cell))) for cell in cells),
        counts=tuple(part_counts(split, part, cells) for part in PARTS) if split else (),
        checks=check_views(report, name, split),
        tables=metric_tables(index, name),
        paired=paired_tables(index, name),
        exact=exact_tests(index, name),
    )


def sizes(index: AuditIndex, split: str) -> str:
    """`213 images in domain, 198 shifted`."""
    found = []
    for domain in ("in_domain", "shifted"):
        rows = [index.row(method, split, domain, index.metric) for method in index.methods]
        found += [f"{row.n:,} {DOMAINS[domain]}" for row in rows if row][:1]
    return ", ".join(found)


def seeds(index: AuditIndex, split: str) -> str:
    """`5 seeds, fine-tuning 1`."""
    rows = [row for row in index.audit.rows if row.split == split]
    usual = max((row.seeds for row in rows), default=0)
    fewer = {row.method: row.seeds for row in rows if row.seeds != usual}
    others = [f"{uncapitalised(describe(method).label)} {number}" for method, number in fewer.items()]
    return ", ".join([count(usual, "seed"), *others]) if usual else ""


def cell_counts(split: DomainSplit) -> dict[tuple[str, str, str], int]:
    """Images by part, class and value of the attribute, as the check `cell_counts` counted them."""
    counted = next((check.counts for check in split.checks if check.name == CELLS), {})
    keys = {key: (*key.split("/", 2), "")[:3] for key in counted}
    found = {(part, label, value): counted[key] for key, (part, label, value) in keys.items()}
    return {cell: number for cell, number in found.items() if cell[0] in PARTS and cell[1] in split.classes}


def cells_of(split: DomainSplit) -> tuple[Cell, ...]:
    """Class and value of every column; classes alone where values were not counted."""
    found = {(label, value) for _, label, value in cell_counts(split)}
    columns = sorted(found, key=lambda cell: (split.classes.index(cell[0]), cell[1]))
    return tuple(columns) or tuple((name, "") for name in split.classes)


def part_counts(split: DomainSplit, part: str, cells: tuple[Cell, ...]) -> PartCounts:
    """Counted from the ids themselves, but for the values, which only the check knows."""
    ids: tuple[str, ...] = getattr(split, part)
    labels = Counter(split.label.get(image) for image in ids)
    counted = cell_counts(split)
    patients = {split.patient[image] for image in ids if image in split.patient}
    return PartCounts(
        DOMAINS.get(part, part),
        len(ids),
        tuple(counted.get((part, *cell), 0) if counted else labels[cell[0]] for cell in cells),
        f"{len(patients):,}" if patients else "not known",
    )


def check_views(report: ReportInput, name: str, split: DomainSplit | None) -> tuple[CheckView, ...]:
    """The split's own checks, then what the audit adds to them."""
    own = split.checks if split else ()
    views = [
        CheckView(plain(check.name), result(check), check.message, described_counts(check)) for check in own
    ]
    seen = {check.name for check in own}
    added = [
        CheckView(plain(check), PASSED if passed else CAUTION, message, "")
        for split_name, check, passed, message in report.audit.checks
        if split_name == name and check not in seen
    ]
    return (*views, *added)


def result(check: Check) -> str:
    """In one word."""
    return PASSED if check.passed else FAILED if check.fatal else CAUTION


def described_counts(check: Check) -> str:
    """What is not zero; the cells have a table of their own."""
    if check.name == CELLS:
        return ""
    return ", ".join(f"{plain(name)}: {number:,}" for name, number in check.counts.items() if number)
