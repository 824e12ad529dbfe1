"""The verdict in words: what the shift costs, what KnoBo costs, and what the controls say about why."""

from dataclasses import dataclass

from models.evaluation.audit import AuditRow, PairedTest
from pipelines.report.index import MEAN, AuditIndex
from pipelines.report.input import ReportInput
from pipelines.report.wording import (
    METRICS,
    count,
    describe,
    interval,
    number,
    plain,
    signed,
    signed_interval,
)

COIN = 0.5


@dataclass(frozen=True, slots=True)
class Tile:
    """One comparison of KnoBo with the linear probe.

    Attributes:
        title: The domain.
        knobo, reference: The two values.
        reference_label: Who KnoBo is compared with.
        difference, interval: Of the paired test; empty where it was not made.
        reading: `higher`, `lower` or `no clear difference`.
    """

    title: str
    knobo: str
    reference: str
    reference_label: str
    difference: str
    interval: str
    reading: str


@dataclass(frozen=True, slots=True)
class Control:
    """A method beside KnoBo: what it is, and KnoBo's distance to it."""

    label: str
    kind: str
    tells: str
    in_domain: str
    shifted: str
    difference: str
    interval: str
    reading: str


def reading(test: PairedTest | None) -> str:
    """Which way the difference goes, where its interval excludes zero."""
    if test is None:
        return ""
    if test.low > 0:
        return "higher"
    return "lower" if test.high < 0 else "no clear difference"


def value(row: AuditRow | None) -> str:
    """`0.80 (0.77 to 0.83)`, to two digits, as prose wants it."""
    if row is None:
        return "–"
    return f"{number(row.value, digits=2)} ({interval(row.low, row.high, digits=2)})"


def difference(test: PairedTest) -> str:
    """`+0.32 (+0.28 to +0.36)`."""
    return f"{signed(test.difference, digits=2)} ({signed_interval(test.low, test.high, digits=2)})"


def verdict(report: ReportInput, index: AuditIndex) -> list[str]:
    """The sentences of the verdict, in the order cost of the shift, cost of KnoBo, reasons to doubt."""
    sentences = [
        fall(index, "linear_probe", "reads image features directly"),
        fall(index, "knobo", f"reads {count(kept_concepts(report), 'concept')} from the literature"),
        under_shift(index),
        in_domain_cost(index),
        prior_effect(index),
        coin_toss(report, index),
    ]
    found = [sentence for sentence in sentences if sentence]
    return found or ["The audit holds no number for KnoBo or the linear probe."]


def kept_concepts(report: ReportInput) -> int:
    """How many concepts the classifier uses."""
    kept = {quality.concept_id for quality in report.quality if quality.kept}
    return sum(concept_id in kept for concept_id in report.bank.ids)


def fall(index: AuditIndex, method: str, how: str) -> str:
    """What happens to one method when the domain shifts."""
    before, after, gap = (index.headline_row(method, d) for d in ("in_domain", "shifted", "gap"))
    label, metric = describe(method).label, METRICS.get(index.metric, index.metric)
    if before is None:
        return ""
    if after is None:
        return f"{label} ({how}): {metric} {value(before)} in domain; no shifted domain was audited."
    cost = f", a gap of {value(gap)}" if gap else ""
    return f"{label} ({how}): {metric} {value(before)} in domain, {value(after)} on shifted images{cost}."


def under_shift(index: AuditIndex) -> str:
    """KnoBo against the linear probe on the shifted images."""
    test = index.test("knobo", "linear_probe", index.scope, "shifted", index.metric)
    words = {
        "higher": "KnoBo scores higher on the same shifted images",
        "lower": "KnoBo scores lower on the same shifted images",
        "no clear difference": "On the same shifted images no difference between the two can be shown",
    }
    return f"{words[reading(test)]}: {difference(test)}." if test else ""


def in_domain_cost(index: AuditIndex) -> str:
    """What the bottleneck costs where the shortcut still works."""
    test = index.test("knobo", "linear_probe", index.scope, "in_domain", index.metric)
    words = {
        "higher": "In domain it also scores higher",
        "lower": "The price is paid in domain, where KnoBo scores lower",
        "no clear difference": "In domain no difference between the two can be shown",
    }
    return f"{words[reading(test)]}: {difference(test)}." if test else ""


def prior_effect(index: AuditIndex) -> str:
    """Whether the literature's signs can be credited, judged by the two controls that replace them."""
    pairs = (("no_prior", "no prior"), ("random_prior", "random signs"))
    tests = [
        (index.test("knobo", method, index.scope, "shifted", index.metric), label) for method, label in pairs
    ]
    found = [(test, label) for test, label in tests if test]
    if not found:
        return ""
    parts = " and ".join(f"{difference(test)} against {label}" for test, label in found)
    credited = all(reading(test) == "higher" for test, _ in found)
    start = (
        "The signs from the literature add to this"
        if credited
        else ("That the signs from the literature add to this is not shown")
    )
    return f"{start}: under shift KnoBo stands at {parts}."


def coin_toss(report: ReportInput, index: AuditIndex) -> str:
    """Said where two classes are told apart no better than by chance."""
    row = index.headline_row("knobo", "shifted")
    binary = all(len(split.classes) == 2 for split in report.splits)
    if row is None or not binary or not row.low <= COIN:
        return ""
    return "KnoBo's accuracy on shifted images is not shown to exceed a coin toss (0.50)."


def tiles(index: AuditIndex) -> list[Tile]:
    """Shifted, in domain and average, for KnoBo beside the linear probe."""
    return [
        tile(index, domain, title)
        for domain, title in (
            ("shifted", "Shifted domain"),
            ("in_domain", "In domain"),
            ("average", "Average of both"),
        )
        if index.headline_row("knobo", domain)
    ]


def tile(index: AuditIndex, domain: str, title: str) -> Tile:
    """One of them."""
    knobo, probe = (index.headline_row(m, domain) for m in ("knobo", "linear_probe"))
    test = index.test("knobo", "linear_probe", index.scope, domain, index.metric)
    return Tile(
        title=title,
        knobo=number(knobo.value, digits=2) if knobo else "–",
        reference=number(probe.value, digits=2) if probe else "–",
        reference_label=describe("linear_probe").label,
        difference=signed(test.difference, digits=2) if test else "",
        interval=signed_interval(test.low, test.high, digits=2) if test else "",
        reading=reading(test),
    )


def controls(index: AuditIndex) -> list[Control]:
    """Every method but KnoBo, with KnoBo's difference to it on the shifted images."""
    return [control(index, method) for method in index.methods if method != "knobo"]


def control(index: AuditIndex, method: str) -> Control:
    """One of them."""
    facts = describe(method)
    test = index.test("knobo", method, index.scope, "shifted", index.metric)
    before, after = (index.headline_row(method, domain) for domain in ("in_domain", "shifted"))
    return Control(
        label=facts.label,
        kind=facts.kind,
        tells=facts.tells,
        in_domain=number(before.value) if before else "–",
        shifted=number(after.value) if after else "–",
        difference=signed(test.difference) if test else "–",
        interval=signed_interval(test.low, test.high) if test else "",
        reading=reading(test),
    )


def scope_sentence(report: ReportInput, index: AuditIndex) -> str:
    """Over what the headline is taken, and which splits it leaves out."""
    metric = METRICS.get(index.metric, index.metric).capitalize()
    if index.scope != MEAN:
        return f"{metric} on the split {index.scope}, with 95 % bootstrap intervals."
    outside = [split for split in index.splits if split in report.outside_mean]
    counted = len(index.splits) - len(outside)
    left_out = (
        f" {', '.join(plain(split) for split in outside)}: shown below, not part of the mean."
        if outside
        else ""
    )
    return f"{metric}, mean over {count(counted, 'split')}, with 95 % bootstrap intervals.{left_out}"
