"""One split as the report shows it: what was shifted, how many images, every number, every check."""

from dataclasses import dataclass

from models.domains import DomainSplit
from pipelines.report.index import AuditIndex
from pipelines.report.input import ReportInput
from pipelines.report.method_table import MetricTable, PairedRow, metric_tables, paired_rows
from pipelines.report.wording import DOMAINS, PARTS, count, describe, plain


@dataclass(frozen=True, slots=True)
class PartCounts:
    """Images, images by class, and patients of one part."""

    part: str
    images: int
    by_class: tuple[int, ...]
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
    counts: tuple[PartCounts, ...]
    checks: tuple[CheckView, ...]
    tables: tuple[MetricTable, ...]
    paired: tuple[PairedRow, ...]

    @property
    def failed(self) -> int:
        """Checks that did not pass."""
        return sum(check.result != "passed" for check in self.checks)


def split_views(report: ReportInput, index: AuditIndex) -> list[SplitView]:
    """Every split of the audit or of the run, in order."""
    known = {split.name: split for split in report.splits}
    names = dict.fromkeys((*index.splits, *known))
    return [split_view(report, index, name, known.get(name), place) for place, name in enumerate(names, 1)]


def split_view(
    report: ReportInput, index: AuditIndex, name: str, split: DomainSplit | None, place: int
) -> SplitView:
    """One of them."""
    return SplitView(
        name=name,
        anchor=f"split-{place}",
        attribute=plain(split.attribute) if split else "",
        classes=tuple(plain(c) for c in split.classes) if split else (),
        in_mean=name not in report.outside_mean,
        sizes=sizes(index, name),
        seeds=seeds(index, name),
        counts=tuple(part_counts(split, part) for part in PARTS) if split else (),
        checks=check_views(report, name, split),
        tables=metric_tables(index, name),
        paired=paired_rows(index, name),
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
    others = [f"{describe(method).label.lower()} {number}" for method, number in fewer.items()]
    return ", ".join([count(usual, "seed"), *others]) if usual else ""


def part_counts(split: DomainSplit, part: str) -> PartCounts:
    """Counted from the ids themselves."""
    ids: tuple[str, ...] = getattr(split, part)
    labels = [split.label.get(image) for image in ids]
    patients = {split.patient[image] for image in ids if image in split.patient}
    return PartCounts(
        DOMAINS.get(part, part),
        len(ids),
        tuple(labels.count(name) for name in split.classes),
        f"{len(patients):,}" if patients else "not known",
    )


def check_views(report: ReportInput, name: str, split: DomainSplit | None) -> tuple[CheckView, ...]:
    """The split's own checks, then what the audit adds to them."""
    own = split.checks if split else ()
    views = [
        CheckView(
            plain(check.name),
            "passed" if check.passed else "failed, fatal" if check.fatal else "failed",
            check.message,
            ", ".join(f"{plain(key)}: {number:,}" for key, number in check.counts.items()),
        )
        for check in own
    ]
    seen = {check.name for check in own}
    added = [
        CheckView(plain(check), "passed" if passed else "failed", message, "")
        for split_name, check, passed, message in report.audit.checks
        if split_name == name and check not in seen
    ]
    return (*views, *added)
