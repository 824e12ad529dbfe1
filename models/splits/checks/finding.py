"""What one check found in one split, and the file that keeps all findings of a run."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from models.artifacts import to_json
from models.errors import ModelsError
from models.files import replacing
from models.splits.types import Check

Severity = Literal["error", "warning", "passed"]

SCHEMA = 1
IDS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """One look at a split.

    Attributes:
        split: Name of the split.
        name: Of the check, e.g. `patient_overlap`.
        severity: An `error` stops the run, for the numbers would mean nothing; a `warning` stands in
            the report.
        message: One sentence with counts and at most a few image ids; never the column of patients, though
            some owners build patient numbers into the names of images (docs/data_sets.md).
        counts: The numbers behind it, by name.
        images: Ids of all images concerned, sorted.
    """

    split: str
    name: str
    severity: Severity
    message: str
    counts: Mapping[str, int]
    images: tuple[str, ...] = ()

    def as_check(self) -> Check:
        """What the split itself keeps: the same without the ids."""
        passed, fatal = self.severity == "passed", self.severity == "error"
        return Check(self.name, passed, fatal, self.message, self.counts)


def shown(images: Iterable[str]) -> str:
    """The first ids in brackets, nothing where there is none."""
    first = sorted(images)[:IDS_SHOWN]
    return f" ({', '.join(first)})" if first else ""


def tolerated(findings: Iterable[CheckFinding], names: Collection[str]) -> tuple[CheckFinding, ...]:
    """The errors of some checks as warnings, for data that must be used as published."""
    return tuple(
        replace(each, severity="warning", message=f"{each.message} (tolerated as configured)")
        if each.severity == "error" and each.name in names
        else each
        for each in findings
    )


def save_findings(path: Path, findings: Iterable[CheckFinding]) -> None:
    """As checks.json; equal findings give equal bytes."""
    with replacing(path) as file:
        file.write(to_json({"schema": SCHEMA, "findings": [asdict(each) for each in findings]}))


def load_findings(path: Path) -> tuple[CheckFinding, ...]:
    """Reads what `save_findings` wrote.

    Raises:
        ModelsError: No such file, or one of another schema.
    """
    try:
        content = json.loads(path.read_bytes())
        return findings_from(content)
    except OSError as error:
        raise ModelsError(f"there are no checks at {path} ({error.strerror}); run them first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelsError(f"{path} holds no checks ({error}); run them again") from error


def findings_from(content: Mapping[str, Any]) -> tuple[CheckFinding, ...]:
    """Findings from their JSON form; a ValueError says what is wrong with it."""
    if content["schema"] != SCHEMA:
        raise ValueError(f"schema {content['schema']}, not {SCHEMA}")
    return tuple(finding_from(row) for row in content["findings"])


def finding_from(row: Mapping[str, object]) -> CheckFinding:
    """A finding from its JSON form."""
    finding = CheckFinding(**row)  # type: ignore[arg-type]  # looked at in the next lines
    if finding.severity not in get_args(Severity):
        raise ValueError(f"severity {finding.severity}")
    return replace(finding, images=tuple(finding.images))
