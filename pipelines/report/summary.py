"""The table method by (in domain, shifted, gap, average) as text cells, and the one-line headline."""

from collections.abc import Sequence

from models.evaluation.report import AuditReport, AuditRow
from pipelines.report.index import MEAN, AuditIndex
from pipelines.report.methods import KINDS, describe
from pipelines.report.reading import name
from pipelines.report.wording import ABSENT, DOMAINS, METRICS, interval, number, signed, signed_interval

COLUMNS = ("method", *DOMAINS.values())


def cell(row: AuditRow | None) -> str:
    """`0.553 (0.512 to 0.594)`."""
    return ABSENT if row is None else f"{number(row.value)} ({interval(row.low, row.high)})"


def summary_table(
    audit: AuditReport, *, split: str | None = None, metric: str | None = None
) -> list[tuple[str, ...]]:
    """Rows under `COLUMNS`, one a method, of the mean over splits unless a split is named."""
    index = AuditIndex.of(audit)
    split, metric = split or index.scope, metric or index.metric
    return [
        (describe(method).label, *(cell(index.row(method, split, domain, metric)) for domain in DOMAINS))
        for method in index.measured(split, metric)
    ]


def grouped_table(
    audit: AuditReport, *, split: str | None = None, metric: str | None = None
) -> list[tuple[str, ...]]:
    """As `summary_table` for a reader: each kind of method but KnoBo under a row with its heading."""
    index = AuditIndex.of(audit)
    methods = index.measured(split or index.scope, metric or index.metric)
    rows = summary_table(audit, split=split, metric=metric)
    return headed([describe(method).kind for method in methods], rows)


def headed(kinds: Sequence[str], rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A row with the heading of a kind where one begins."""
    found: list[tuple[str, ...]] = []
    for before, kind, row in zip(("", *kinds), kinds, rows, strict=False):
        if kind != before and KINDS[kind]:
            found.append((f"{KINDS[kind]}:", *("" for _ in row[1:])))
        found.append(row)
    return found


def scope_phrase(index: AuditIndex) -> str:
    """`mean accuracy over the splits`, or the one split's name."""
    metric = METRICS.get(index.metric, index.metric)
    return f"mean {metric} over the splits" if index.scope == MEAN else f"{metric} on {index.scope}"


def headline(audit: AuditReport) -> str:
    """One line: what the shift costs KnoBo and the linear probe, with 95 % intervals."""
    index = AuditIndex.of(audit)
    knobo, probe = (headline_method(index, method) for method in ("knobo", "linear_probe"))
    if not knobo and not probe:
        return "The audit holds no number for KnoBo or the linear probe."
    joined = ", ".join(part for part in (knobo, probe, headline_difference(index)) if part)
    return f"From in domain to shifted: {joined} ({scope_phrase(index)}, 95 % intervals)."


def headline_method(index: AuditIndex, method: str) -> str:
    """`KnoBo 0.801 -> 0.553 (0.512 to 0.594)`; empty where the method was not run."""
    before, after = (index.headline_row(method, domain) for domain in ("in_domain", "shifted"))
    if before is None and after is None:
        return ""
    start = number(before.value) if before and after else cell(before) if before else ABSENT
    end = cell(after) if after else "no shifted domain"
    return f"{name(method)} {start} → {end}"


def headline_difference(index: AuditIndex) -> str:
    """KnoBo minus linear probe on the shifted images; empty where they were not compared."""
    test = index.test("knobo", "linear_probe", index.scope, "shifted", index.metric)
    if test is None:
        return ""
    return f"shifted difference {signed(test.difference)} ({signed_interval(test.low, test.high)})"
