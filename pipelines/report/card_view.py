"""The data card and the model card in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.report.facts import DataFacts, Fact
from pipelines.report.index import AuditIndex
from pipelines.report.input import ReportInput
from pipelines.report.method_table import Cell
from pipelines.report.method_table import cell as value_cell
from pipelines.report.wording import DOMAINS, METRICS, count, plain

USE = (
    Fact(
        "Intended use",
        "Research on how classifiers of medical images behave when a shortcut changes. Not a medical "
        "device; not for diagnosis, triage or treatment.",
    ),
    Fact("Users", "Research teams and auditors who know how the data below were made."),
    Fact(
        "Out of scope",
        "Images from other devices, sites or patients than those below, until they were audited; single "
        "decisions about a patient.",
    ),
)
LIMITS = Fact(
    "Limits",
    "A concept's detector learns what reports say, not what is there. Concepts stand in for each other, so "
    "that a weight is no cause. A shortcut that no attribute names is not tested.",
)


@dataclass(frozen=True, slots=True)
class DataCard:
    """One data set in words."""

    name: str
    lines: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """KnoBo's number in one domain."""

    domain: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class CardView:
    """Both cards; `measured` is under the headline's metric."""

    data: tuple[DataCard, ...]
    model: tuple[Fact, ...]
    metric: str
    measured: tuple[Measured, ...]


def card_view(report: ReportInput, index: AuditIndex) -> CardView | None:
    """None where nothing is known of data and model."""
    if not (report.cards.data or report.cards.model):
        return None
    rows = {domain: index.headline_row("knobo", domain) for domain in DOMAINS}
    return CardView(
        tuple(DataCard(facts.name, tuple(data_lines(facts))) for facts in report.cards.data),
        (*USE, *report.cards.model, LIMITS),
        METRICS.get(index.metric, index.metric),
        tuple(Measured(DOMAINS[domain], value_cell(row)) for domain, row in rows.items() if row),
    )


def data_lines(facts: DataFacts) -> list[Fact]:
    """What a reader asks of a data set first."""
    lines = [
        Fact("Used for", use(facts)),
        Fact("Images", f"{facts.images:,}{f' ({facts.selection})' if facts.selection else ''}"),
        Fact("Patients", patients(facts)),
        Fact("Labels", ", ".join(f"{plain(name) or 'no label'} {n:,}" for name, n in facts.labels.items())),
        *(
            Fact(plain(each.name).capitalize(), shares(each.images, facts.images))
            for each in facts.attributes
        ),
        Fact(
            "Reports",
            count(facts.reports, "image comes", "images come") + " with a report"
            if facts.reports
            else "none",
        ),
    ]
    return [line for line in lines if line.words]


def use(facts: DataFacts) -> str:
    """`learning concepts; splits iu-age and iu-view`."""
    parts = ["learning concepts"] if facts.grounds else []
    if facts.splits:
        parts.append(f"{'split' if len(facts.splits) == 1 else 'splits'} {', '.join(facts.splits)}")
    return "; ".join(parts) or "nothing in this run"


def patients(facts: DataFacts) -> str:
    """Known ones, and how many images have none."""
    if not facts.patients:
        return "not known: every image counts as a patient of its own"
    unknown = f"; not known for {count(facts.without_patient, 'image')}" if facts.without_patient else ""
    return f"{facts.patients:,}{unknown}"


def shares(images: Mapping[str, int], total: int) -> str:
    """`A 120, B 80, not known 10`."""
    missing = total - sum(images.values())
    parts = [f"{value} {n:,}" for value, n in images.items()]
    return ", ".join([*parts, *([f"not known {missing:,}"] if missing else [])])
