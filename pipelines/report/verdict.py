"""The verdict in words: what the shift costs, what KnoBo costs, and what the controls say about why."""

from pipelines.report.index import MEAN, AuditIndex
from pipelines.report.input import ReportInput
from pipelines.report.methods import describe
from pipelines.report.reading import HIGHER, LOWER, UNCLEAR, difference, name, reading, reversed_test, value
from pipelines.report.wording import METRICS, count, listed, number, plain

COIN = 0.5
NO_SHIFT = "No shifted domain was audited."
NOTHING = "The audit holds no number."
KNOBO, PROBE = "knobo", "linear_probe"
ARMS = {"knobo_erased": "Erasing", "knobo_balanced": "Balancing"}
UNSHOWN = "are not shown to add to"
SIGN_CLAUSES = {
    HIGHER: "they raise the score against {control}, {amount}",
    LOWER: "they lower the score against {control}, {amount}",
    UNCLEAR: "no difference to {control} is shown, {amount}",
}
"""What is said of one control where the two disagree."""


def lead(index: AuditIndex) -> str:
    """The answer in one or two sentences, both sides of it."""
    after = [index.headline_row(method, "shifted") for method in (KNOBO, PROBE)]
    test = index.test(KNOBO, PROBE, index.scope, "shifted", index.metric)
    knobo, probe = (number(row.value, digits=2) if row else "" for row in after)
    if not (knobo and probe and test):
        return ""
    answer = {
        HIGHER: f"KnoBo scores {knobo} where the linear probe scores {probe}",
        LOWER: f"KnoBo scores {knobo}, less than the linear probe's {probe}",
        UNCLEAR: f"no difference between KnoBo ({knobo}) and the linear probe ({probe}) can be shown",
    }
    return f"When the shortcut is reversed, {answer[reading(test)]}. {price(index)}".strip()


def price(index: AuditIndex) -> str:
    """What the bottleneck costs where the shortcut still works."""
    test = index.test(KNOBO, PROBE, index.scope, "in_domain", index.metric)
    if test is None:
        return ""
    size = number(abs(test.difference), digits=2)
    words = {
        HIGHER: f"While it holds, KnoBo scores {size} more.",
        LOWER: f"While it holds, KnoBo scores {size} less: that is its price.",
        UNCLEAR: "While it holds, no difference between the two can be shown.",
    }
    return words[reading(test)]


def verdict(report: ReportInput, index: AuditIndex) -> str:
    """One paragraph: the cost of the shift for both, the paired differences, then reasons to doubt."""
    sentences = [
        cost_of_shift(index, PROBE),
        cost_of_shift(index, KNOBO),
        "" if shift_audited(index) else NO_SHIFT,
        same_images(index),
        prior_effect(index),
        unbeaten(index),
        *(arm_gain(report, index, arm) for arm in ARMS),
        coin_toss(report, index),
    ]
    found = " ".join(sentence for sentence in sentences if sentence)
    return found if any(index.measured(index.scope, index.metric)) else NOTHING


def shift_audited(index: AuditIndex) -> bool:
    """Whether any method has a number on shifted images."""
    return any(index.headline_row(method, "shifted") for method in index.methods)


def cost_of_shift(index: AuditIndex, method: str) -> str:
    """What happens to one method when the domain shifts."""
    before, after, gap = (index.headline_row(method, domain) for domain in ("in_domain", "shifted", "gap"))
    who, metric = name(method), METRICS.get(index.metric, index.metric)
    if before is None:
        return ""
    if after is None:
        return f"In domain the {metric} of {who} is {value(before)}."
    path = f"from {value(before)} to {value(after)}"
    if gap is None:
        return f"Under the shift {who} goes {path}."
    if round(gap.low, 3) > 0:
        return f"The shift costs {who} {value(gap)} of {metric}, {path}."
    return f"Under the shift {who} goes {path}, a gap of {value(gap)} that is not shown to be a loss."


def same_images(index: AuditIndex) -> str:
    """The paired differences behind the lead."""
    tests = [
        (index.test(KNOBO, PROBE, index.scope, domain, index.metric), words)
        for domain, words in (
            ("shifted", "under shift"),
            ("in_domain", "in domain"),
            ("average", "on average"),
        )
    ]
    parts = [f"{difference(test)} {words}" for test, words in tests if test]
    return f"On the same images, KnoBo minus the linear probe is {listed(parts)}." if parts else ""


def prior_effect(index: AuditIndex) -> str:
    """Whether the literature's signs can be credited, judged by the two controls that replace them."""
    pairs = (("no_prior", "no prior"), ("random_prior", "random signs"))
    tests = [
        (index.test(KNOBO, method, index.scope, "shifted", index.metric), words) for method, words in pairs
    ]
    found = [(reading(test), difference(test), words) for test, words in tests if test]
    if not found:
        return ""
    readings = {read for read, *_ in found}
    if len(readings) == 1:
        claim = {HIGHER: "add to", LOWER: "lower", UNCLEAR: UNSHOWN}[readings.pop()]
        parts = [f"{amount} against {words}" for _, amount, words in found]
        return f"The signs from the literature {claim} KnoBo's shifted score: {listed(parts)}."
    doubt = "do worse than a control under shift" if LOWER in readings else f"{UNSHOWN} KnoBo's shifted score"
    clauses = [SIGN_CLAUSES[read].format(control=words, amount=amount) for read, amount, words in found]
    return f"The signs from the literature {doubt}: {'; '.join(clauses)}."


def unbeaten(index: AuditIndex) -> str:
    """The baselines and controls that KnoBo is worse than under shift, or not shown to exceed, by name.

    Not KnoBo's own arms, which are no rivals, and no oracle, which was shown what the others are tried on.
    """
    told = {KNOBO, PROBE, "no_prior", "random_prior"}
    rest = [m for m in index.methods if m not in told and not m.startswith(f"{KNOBO}_")]
    fair = [m for m in rest if describe(m).kind in {"baseline", "control"}]
    tests = [(m, index.test(KNOBO, m, index.scope, "shifted", index.metric)) for m in fair]
    said = {LOWER: "does worse than", UNCLEAR: "is not shown to exceed"}
    parts = {
        read: [f"{name(m)}: {difference(test)}" for m, test in tests if test and reading(test) == read]
        for read in said
    }
    return " ".join(
        f"Under shift KnoBo {words} {listed(parts[read])}." for read, words in said.items() if parts[read]
    )


def arm_gain(report: ReportInput, index: AuditIndex, arm: str) -> str:
    """What one treatment of acquisition attributes adds to KnoBo under shift, where it is shown to add."""
    after, before = (
        index.test(KNOBO, arm, index.scope, domain, index.metric) for domain in ("shifted", "in_domain")
    )
    if after is None or reading(after) != LOWER:
        return ""
    doing = f"{ARMS[arm]} {attribute_names(report)} adds {difference(reversed_test(after))}"
    price = f"; in domain the change is {difference(reversed_test(before))}" if before else ""
    return f"{doing} to KnoBo's shifted score{price}."


def attribute_names(report: ReportInput) -> str:
    """`view and scanner group`."""
    names = [plain(each.name) for each in report.acquisition.erased] if report.acquisition else []
    return listed(names) if names else "acquisition attributes"


def coin_toss(report: ReportInput, index: AuditIndex) -> str:
    """Said where two classes are told apart no better than by chance."""
    row = index.headline_row(KNOBO, "shifted")
    binary = all(len(split.classes) == 2 for split in report.splits)
    if row is None or not binary or row.low > COIN:
        return ""
    return "Its value on shifted images is not shown to exceed a coin toss (0.50)."


def scope(report: ReportInput, index: AuditIndex) -> str:
    """Over what the headline is taken, and which splits it leaves out."""
    metric = METRICS.get(index.metric, index.metric)
    metric = metric[:1].upper() + metric[1:]
    if index.scope != MEAN:
        return f"{metric} on the split {index.scope}, with 95 % bootstrap intervals."
    entering = index.entering(report.outside_mean)
    outside = [split for split in index.splits if split not in entering]
    counted = count(len(entering), "split")
    left_out = f" Not in the mean: {', '.join(outside)}." if outside else ""
    return f"{metric}, mean over {counted}, with 95 % bootstrap intervals.{left_out}"
