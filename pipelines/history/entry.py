"""One audit as the history keeps it: its numbers, and digests of all that they rest on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from models.evaluation.record_values import records_of
from models.evaluation.report import AuditReport, AuditRow
from pipelines.digests import content_digest, value_digest
from pipelines.run import Run
from pipelines.section_values import section_value

SCHEMA = 1

INGREDIENTS = {
    "images": "images.parquet",
    "splits": "splits",
    "concepts": "concepts.jsonl",
    "annotations": "annotations.parquet",
    "prior signs": "prior.csv",
    "literature": "passages.jsonl",
}
"""What an audit rests on, as a reader would say it, and the artifact that holds it."""

OF_GROUPS = frozenset({"accuracy", "worst_group_accuracy", "equalised_odds_difference"})

UNTOLD = frozenset({"seed", "name", "datasets", "literature"})
"""Parts of the configuration that have a word of their own, or are told by what they give."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A finished audit.

    Attributes:
        run: Name of the run.
        finished: When the audit was written, UTC, ISO 8601 to the second.
        audit: SHA-256 of audit.json.
        ingredients: SHA-256 by name of what the audit rests on, those of `INGREDIENTS`.
        settings: SHA-256 by section of the configuration.
        versions: Of the libraries.
        code: Commit of the code; empty outside a checkout.
        seed: Of the run.
        rows: The numbers of the audit; of single groups the accuracy and the distance between them alone.
    """

    run: str
    finished: str
    audit: str
    ingredients: Mapping[str, str]
    settings: Mapping[str, str]
    versions: Mapping[str, str]
    code: str
    seed: int
    rows: tuple[AuditRow, ...]

    @classmethod
    def of(cls, run: Run) -> Self:
        """The audit of a finished run.

        Raises:
            ModelsError: The run has no audit.
        """
        path = run.path("audit.json")
        report = AuditReport.load(path)
        record = run.records().get("audit")
        return cls(
            run=run.config.name,
            finished=datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            audit=content_digest(path),
            ingredients={
                name: content_digest(run.path(artifact))
                for name, artifact in INGREDIENTS.items()
                if run.path(artifact).exists()
            },
            settings={
                name: value_digest(section_value(run.config, name))
                for name in sorted(type(run.config).model_fields)
                if name not in UNTOLD
            },
            versions=dict(record.versions) if record else {},
            code=record.commit if record else "",
            seed=run.config.seed,
            rows=tuple(row for row in report.rows if is_kept(row)),
        )

    def rests_on(self) -> tuple[object, ...]:
        """All but the time: two entries that are equal in it tell the same."""
        return self.audit, self.ingredients, self.settings, self.versions, self.code, self.seed

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"schema": SCHEMA} | asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `as_json` gave.

        Raises:
            ValueError, TypeError, KeyError: It is something else.
        """
        if values.pop("schema") != SCHEMA:
            raise ValueError(f"it is not of schema {SCHEMA}")
        rows = records_of(AuditRow, "rows", values.pop("rows"))
        return cls(**values, rows=rows)


def is_kept(row: AuditRow) -> bool:
    """Whether the history holds a number; all of single groups would make it long and are little read."""
    return not row.group or row.metric in OF_GROUPS
