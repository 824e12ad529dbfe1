"""The methods in words, in the order in which they are shown."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.report.wording import uncapitalised


@dataclass(frozen=True, slots=True)
class Method:
    """How a method is called, what kind it is, and what its number tells, in one sentence.

    Attributes:
        name: As the audit has it.
        label: As the reader sees it.
        kind: `bottleneck`, `baseline`, `control`, or `oracle` for what has seen the shortcut reversed.
        tells: One sentence.
    """

    name: str
    label: str
    kind: str
    tells: str


METHODS = (
    Method(
        "knobo",
        "KnoBo",
        "bottleneck",
        "Scores every concept in the image and weighs the scores; the weights are drawn towards the signs "
        "that the literature gives.",
    ),
    Method(
        "knobo_erased",
        "KnoBo, erased",
        "bottleneck",
        "KnoBo on features from which acquisition attributes were erased before concepts were learnt.",
    ),
    Method(
        "knobo_balanced",
        "KnoBo, balanced",
        "bottleneck",
        "KnoBo with concepts learnt from images weighed so that acquisition attributes are balanced in each "
        "answer.",
    ),
    Method(
        "linear_probe",
        "Linear probe",
        "baseline",
        "Reads the features of the same image encoder directly, so it is free to use any shortcut in them.",
    ),
    Method(
        "fine_tune",
        "Fine-tuning",
        "baseline",
        "Trains the whole image encoder end to end on the same images.",
    ),
    Method(
        "pcbm",
        "PCBM",
        "baseline",
        "A sparse layer on the distances from concept activation vectors, without signs from the literature.",
    ),
    Method(
        "pcbm_text",
        "PCBM, text",
        "baseline",
        "The same with the questions' own text vectors in place of learnt concept vectors.",
    ),
    Method(
        "pcbm_h",
        "PCBM-h",
        "baseline",
        "PCBM with a residual: a second layer that reads the features directly, trained after it.",
    ),
    Method(
        "pcbm_h_joint",
        "PCBM-h, joint",
        "baseline",
        "The same two layers trained together, as the code of KnoBo's authors does.",
    ),
    Method(
        "pcbm_h_joint_text",
        "PCBM-h, joint, text",
        "baseline",
        "The same with the questions' own text vectors in place of learnt concept vectors.",
    ),
    Method(
        "language_shaped",
        "Language-shaped",
        "baseline",
        "A linear probe on features that were first turned towards the texts of the questions.",
    ),
    Method(
        "dot_product",
        "Dot product",
        "baseline",
        "KnoBo with the likeness of image and question, as the encoder sees it, in place of learnt concepts.",
    ),
    Method(
        "group_dro",
        "GroupDRO",
        "baseline",
        "A linear probe that minimises the loss of its worst group of training images.",
    ),
    Method(
        "jtt",
        "JTT",
        "baseline",
        "A linear probe trained twice; what the first one got wrong counts more for the second.",
    ),
    Method(
        "linear_probe_erased",
        "Linear probe, erased",
        "control",
        "The linear probe on the features from which the acquisition attributes were erased.",
    ),
    Method(
        "prior_only_erased",
        "Prior only, erased",
        "control",
        "The signs themselves as weights of concepts learnt after the acquisition attributes were erased.",
    ),
    Method(
        "knobo_erased_random",
        "KnoBo, random erasure",
        "control",
        "KnoBo after an attribute that means nothing was erased: what erasing does by itself.",
    ),
    Method(
        "no_prior_erased",
        "No prior, erased",
        "control",
        "KnoBo on erased features with its prior switched off.",
    ),
    Method(
        "random_prior_erased",
        "Random-sign prior, erased",
        "control",
        "KnoBo on erased features, drawn towards random signs.",
    ),
    Method(
        "linear_probe_erased_random",
        "Linear probe, random attribute erased",
        "control",
        "The linear probe after an attribute that means nothing was erased.",
    ),
    Method(
        "no_prior",
        "No prior",
        "control",
        "KnoBo with its prior switched off: what the concepts do when no one says what they speak for.",
    ),
    Method(
        "random_prior",
        "Random-sign prior",
        "control",
        "KnoBo drawn towards random signs: tells knowledge from the restraint any prior puts on weights.",
    ),
    Method(
        "prior_only",
        "Prior only",
        "control",
        "The signs themselves as weights, with no training on labels: what the knowledge is worth alone.",
    ),
    Method(
        "random_concepts",
        "Random concepts",
        "control",
        "Random directions in place of the concepts, and no prior: what any bottleneck of this width does.",
    ),
    Method(
        "pcbm_h_joint_residual_zeroed",
        "PCBM-h, joint, residual zeroed",
        "control",
        "What the concepts of the joint model say when its residual is switched off.",
    ),
    Method(
        "dfr",
        "DFR",
        "oracle",
        "A sparse probe that was also shown images with the shortcut reversed: what no other method may see.",
    ),
)
BY_NAME = {method.name: method for method in METHODS}
NAMED = re.compile(rf"\b({'|'.join(sorted(BY_NAME, key=len, reverse=True))})\b")

KINDS = {
    "bottleneck": "",
    "baseline": "Baselines",
    "control": "Controls",
    "oracle": "Oracles, which saw the shift",
}
"""The kinds in the order of display, each with the heading of its rows; none for KnoBo, whose name is one."""

MAIN = ("knobo", "knobo_erased", "linear_probe", "fine_tune")
"""What stands first where so many methods were run that one table of all would hide the answer."""


def describe(method: str) -> Method:
    """What is known of a method; one that is not listed goes by its own name."""
    return BY_NAME.get(method) or Method(method, method.replace("_", " ").capitalize(), "baseline", "")


def spoken(sentence: str) -> str:
    """A note of the audit, its methods named as the tables name them."""

    def label(found: re.Match[str]) -> str:
        written = describe(found[0]).label
        return written if found.start() == 0 else uncapitalised(written)

    return NAMED.sub(label, sentence)


def by_kind(methods: Iterable[str]) -> tuple[str, ...]:
    """KnoBo and its arms, then baselines, controls and oracles; within a kind as they came."""
    kinds = list(KINDS)
    return tuple(sorted(methods, key=lambda method: kinds.index(describe(method).kind)))
