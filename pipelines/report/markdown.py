"""The audit as Markdown whose tables also read well as plain text on a terminal."""

from collections.abc import Iterable, Sequence

from models.evaluation.report import AuditReport
from pipelines.report.group_view import worst_lines
from pipelines.report.index import MEAN, AuditIndex
from pipelines.report.method_table import Cell, paired_tables
from pipelines.report.methods import spoken
from pipelines.report.summary import COLUMNS, grouped_table, headed, headline
from pipelines.report.wording import METRICS, count, plain

WORST = ("method", "split", "worst group", "its accuracy", "worst cell, pooled", "its accuracy")
LEAKS = ("concept", "attribute", "split", "AUROC for it", "signal for the class")


def render_markdown(
    audit: AuditReport,
    *,
    signs: str = "",
    credits: Sequence[str] = (),  # noqa: A002 - the word for it
    leaks: Sequence[Sequence[str]] = (),
) -> str:
    """The whole of `audit.md`; `signs` says what the prior rests on, `credits` names the literature.

    `leaks` are cells under `LEAKS`.
    """
    index = AuditIndex.of(audit)
    blocks = [
        "# Audit across domain shifts",
        headline(audit),
        legend(),
        *overall(index),
        *notes(audit),
        *comparisons(index),
        *(block for split in index.splits for block in split_blocks(index, split)),
        *worst_groups(index),
        *(["## Concepts that move with an attribute", table(LEAKS, leaks)] if leaks else []),
        *checks(audit),
        *(["## Signs", one_line(signs)] if signs else []),
        *literature(credits),
    ]
    return "\n\n".join(blocks) + "\n"


def legend() -> str:
    """What the columns mean."""
    return (
        "Values with 95 % bootstrap intervals. In domain: images where the shortcut holds as in training. "
        "Shifted: it is reversed. Gap: in domain minus shifted. Average: the mean of the two."
    )


def overall(index: AuditIndex) -> list[str]:
    """The headline table, and the same for the other metrics."""
    if index.scope != MEAN:
        return []
    return [
        block
        for metric in index.metrics
        for block in (
            f"## Mean over the splits, {METRICS.get(metric, metric)}",
            metric_table(index, MEAN, metric),
        )
    ]


def split_blocks(index: AuditIndex, split: str) -> list[str]:
    """One split: its size and the headline metric."""
    return [f"## {one_line(split)}", size_line(index, split), metric_table(index, split, index.metric)]


def size_line(index: AuditIndex, split: str) -> str:
    """`accuracy, 213 images in domain, 198 shifted`."""
    sizes = (
        (index.row(method, split, domain, index.metric), label)
        for domain, label in (("in_domain", "in domain"), ("shifted", "shifted"))
        for method in index.measured(split, index.metric)[:1]
    )
    images = [f"{count(row.n, 'image')} {label}" for row, label in sizes if row]
    return ", ".join([METRICS.get(index.metric, index.metric).capitalize(), *images]) + "."


def metric_table(index: AuditIndex, split: str, metric: str) -> str:
    """Methods by domains."""
    return table(COLUMNS, grouped_table(index.audit, split=split, metric=metric))


def comparisons(index: AuditIndex) -> list[str]:
    """KnoBo minus each other method on the same images."""
    blocks = []
    for paired in paired_tables(index, index.scope):
        rows = [
            (
                row.label,
                *map(in_brackets, row.cells),
            )
            for row in paired.rows
        ]
        heading = f"## Differences on the same images, {paired.metric}"
        blocks += [
            heading,
            table(("comparison", *paired.domains), headed([row.kind for row in paired.rows], rows)),
        ]
    return blocks


def worst_groups(index: AuditIndex) -> list[str]:
    """The group that each method serves worst, split by split."""
    rows = [
        (row.label, row.split, row.group, in_brackets(row.worst), row.pooled_group, in_brackets(row.pooled))
        for row in worst_lines(index)
    ]
    return ["## Worst groups", table(WORST, rows)] if rows else []


def in_brackets(cell: Cell) -> str:
    """`0.310 (0.220 to 0.400)`."""
    return f"{cell.value} ({cell.interval})" if cell.interval else cell.value


def notes(audit: AuditReport) -> list[str]:
    """What a reader must know."""
    return ["\n".join(f"- {one_line(spoken(note))}" for note in audit.notes)] if audit.notes else []


def checks(audit: AuditReport) -> list[str]:
    """Every check, those that failed first."""
    if not audit.checks:
        return []
    rows = [
        (split, plain(name), "passed" if passed else "**caution**", message)
        for split, name, passed, message in sorted(audit.checks, key=lambda check: check[2])
    ]
    return ["## Checks", table(("split", "check", "result", "what was found"), rows)]


def literature(lines: Sequence[str]) -> list[str]:
    """Whom the literature is owed to."""
    return ["## Literature", "\n".join(f"- {one_line(line)}" for line in lines)] if lines else []


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with its columns padded to one width."""
    cells = [[one_line(text).replace("|", "\\|") for text in row] for row in (header, *rows)]
    widths = [max(len(text) for text in column) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def one_line(text: str) -> str:
    """Without line breaks, which would end a Markdown table."""
    return " ".join(text.split())
