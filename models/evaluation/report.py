"""What an audit found, and audit.json."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Self

from models.errors import ModelsError
from models.evaluation.record_values import a_record_a_line, records_of, require_value
from models.files import replacing
from models.record_file import read_records

SCHEMA = 2

BOOTSTRAP: Literal["bootstrap"] = "bootstrap"
MCNEMAR: Literal["mcnemar"] = "mcnemar"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One number.

    Attributes:
        method: E.g. `knobo` or `linear_probe`.
        split: Name of the split, or `mean` over the splits that enter the mean.
        domain: `in_domain`, `shifted`, `gap` (in_domain minus shifted) or `average` (their mean).
        metric: E.g. `accuracy`, `auroc`, `worst_group_accuracy`.
        value: Mean over the seeds on all images of the domain.
        low, high: 95 % interval (patients where known, else images; and seeds).
        n: Distinct images in the domain or group; of the mean, in that domain of all its splits.
        seeds: Seeds behind the value.
        group: `attribute=value` where the number is of these images of the domain alone; of a worst group,
            which it is; else empty.
        seed_sd: Standard deviation of the value over the seeds, 0 where there is one.
    """

    method: str
    split: str
    domain: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    seeds: int
    group: str = ""
    seed_sd: float = 0.0


@dataclass(frozen=True, slots=True)
class PairedTest:
    """`method` minus `reference` on the same images.

    Attributes:
        method, reference, split, domain, metric: What is compared.
        difference: Of the means over seeds.
        low, high: 95 % interval of the difference.
        group: As in `AuditRow`.
        test: `bootstrap`, or `mcnemar`: McNemar's exact test, over patients and seeds where there are any.
        p: Two-sided, of no difference.
        p_holm: Corrected for all tests of the family (Holm).
        family: Tests corrected together, as `docs/statistics.md` lists them.
    """

    method: str
    reference: str
    split: str
    domain: str
    metric: str
    difference: float
    low: float
    high: float
    group: str = ""
    test: Literal["bootstrap", "mcnemar"] = BOOTSTRAP
    p: float = 1.0
    p_holm: float = 1.0
    family: str = ""


@dataclass(frozen=True, slots=True)
class ReliabilityCurve:
    """How often a method is right when it says so surely, in bins of equally many images.

    Attributes:
        method, split, domain: Of what.
        confidence: `(bins,)` mean probability of the positive class (of two), else of the class predicted.
        observed: `(bins,)` share of images of that class.
        low, high: `(bins,)` 95 % interval of `observed`.
        n: `(bins,)` images, every seed counted once.
    """

    method: str
    split: str
    domain: str
    confidence: tuple[float, ...]
    observed: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DecisionCurve:
    """Net benefit of acting on a method's probability, over what it would cost to act in vain.

    Attributes:
        method, split, domain: Of what.
        threshold: `(t,)` probabilities from which one acts.
        net_benefit: `(t,)` true positives less false positives at the odds of the threshold, per image.
        low, high: `(t,)` 95 % interval of `net_benefit`.
        treat_all: `(t,)` of acting on every image; that of acting on none is 0.
    """

    method: str
    split: str
    domain: str
    threshold: tuple[float, ...]
    net_benefit: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    treat_all: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The probability from which a method is taken to say the positive class.

    Attributes:
        method, split: Of what.
        value: Mean over the seeds, each of which has its own.
        source: `validation` (largest Youden index on the validation images) or `default` (0.5, since there is
            no prediction on validation images of both classes).
    """

    method: str
    split: str
    value: float
    source: str = "validation"


class Check(NamedTuple):
    """What was looked at before any number, in a split."""

    split: str
    name: str
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All that the audit found.

    Attributes:
        rows: In the order method, split, group, domain, metric.
        paired: KnoBo against each other method.
        checks: `(split, name, passed, message)`.
        notes: Sentences a reader must know, e.g. that a baseline ran with one seed only.
        reliability, decisions: Of the headline methods.
        thresholds: Of every method and split with two classes.
    """

    rows: tuple[AuditRow, ...]
    paired: tuple[PairedTest, ...]
    checks: tuple[tuple[str, str, bool, str], ...]
    notes: tuple[str, ...]
    reliability: tuple[ReliabilityCurve, ...] = ()
    decisions: tuple[DecisionCurve, ...] = ()
    thresholds: tuple[Threshold, ...] = ()

    def save(self, path: Path) -> None:
        """As audit.json; equal reports give equal bytes."""
        with replacing(path) as file:
            file.write(self.as_json())

    def as_json(self) -> bytes:
        """What audit.json holds."""
        content = {
            "schema": SCHEMA,
            "rows": [asdict(row) for row in self.rows],
            "paired": [asdict(test) for test in self.paired],
            "checks": [Check(*check)._asdict() for check in self.checks],
            "notes": list(self.notes),
            "reliability": [asdict(curve) for curve in self.reliability],
            "decisions": [asdict(curve) for curve in self.decisions],
            "thresholds": [asdict(threshold) for threshold in self.thresholds],
        }
        return a_record_a_line(content)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            ModelsError: No audit there, one of another schema, or a value of another kind; what could not be
                measured has no row, so NaN and null are damage.
        """
        content = read_records(path, what="audit", schema=SCHEMA)
        try:
            require_value(content["notes"], tuple[str, ...], "notes")
            return cls(
                rows=records_of(AuditRow, "rows", content["rows"]),
                paired=records_of(PairedTest, "paired", content["paired"]),
                checks=records_of(Check, "checks", content["checks"]),
                notes=tuple(content["notes"]),
                reliability=records_of(ReliabilityCurve, "reliability", content["reliability"]),
                decisions=records_of(DecisionCurve, "decisions", content["decisions"]),
                thresholds=records_of(Threshold, "thresholds", content["thresholds"]),
            )
        except (KeyError, TypeError) as error:
            raise ModelsError(f"{path} is damaged ({error}); run the audit again") from error
