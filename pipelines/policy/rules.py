"""A policy as a TOML file: limits on numbers of the audit, and checks that must pass."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError, model_validator

from pipelines.config.loading import first_fault
from pipelines.config.section import Section
from pipelines.errors import PipelineError

GAP = "gap"
SHARES = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "auroc",
        "auprc",
        "macro_f1",
        "sensitivity",
        "specificity",
        "worst_group_accuracy",
        "ece",
        "equalised_odds_difference",
    }
)
"""Metrics that lie between 0 and 1, and their gap between -1 and 1."""


class NumberRule(Section):
    """One limit, or several, on one number of the audit or on the same number of every split."""

    model_config = ConfigDict(strict=True)

    method: str = "knobo"
    """Whose number it is."""
    split: str = "mean"
    """The mean over the splits (the only split where there is one), a split by name, or `*` for each."""
    domain: str = "shifted"
    """`in_domain`, `shifted`, `gap`, `average`, or `pooled` (both together, of groups)."""
    metric: str = "accuracy"
    """As it stands in audit.json; `worst_group_accuracy` is that of the group served worst."""
    group: str = ""
    """One group, e.g. `sex=F`, or the attribute of `equalised_odds_difference`; else the whole domain."""
    at_least: float | None = None
    """The lowest value that passes."""
    at_most: float | None = None
    """The highest value that passes."""
    interval: bool = False
    """Whether the whole interval must keep within the limits, and not the value alone."""
    not_worse_than_previous: bool = False
    """Whether the value may not fall out of the interval of the previous audit on its bad side."""

    @model_validator(mode="after")
    def _limits_something(self) -> "NumberRule":
        if self.at_least is None and self.at_most is None and not self.not_worse_than_previous:
            raise ValueError(
                f"the rule on {self.metric} limits nothing: give `at_least`, `at_most` or "
                "`not_worse_than_previous`"
            )
        return self

    @model_validator(mode="after")
    def _can_be_kept(self) -> "NumberRule":
        limits = {"at_least": self.at_least, "at_most": self.at_most}
        given = {name: value for name, value in limits.items() if value is not None}
        lowest = -1 if self.domain == GAP else 0
        for name, value in given.items():
            if self.metric in SHARES and not lowest <= value <= 1:
                raise ValueError(f"{self.metric} lies between {lowest} and 1, and `{name}` is {value:g}")
        if len(given) > 1 and given["at_least"] > given["at_most"]:
            raise ValueError(
                f"no {self.metric} keeps both limits: `at_least` is {self.at_least:g}, above `at_most`, "
                f"{self.at_most:g}; exchange them"
            )
        return self


class CheckRule(Section):
    """A check that every split must pass."""

    model_config = ConfigDict(strict=True)

    name: str
    """As it stands in audit.json, e.g. `patient_overlap`."""
    split: str = "*"
    """A split by name, or `*` for each of them."""


class Policy(Section):
    """Everything that an audit must hold to."""

    number: tuple[NumberRule, ...] = ()
    """Limits on numbers."""
    check: tuple[CheckRule, ...] = ()
    """Checks that must pass."""

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, values: dict[str, Any]) -> dict[str, Any]:
        single = next((name for name in ("number", "check") if isinstance(values.get(name), dict)), None)
        if single is not None:
            raise ValueError(f"a policy may hold several such rules: write `[[{single}]]`, not `[{single}]`")
        return values

    @model_validator(mode="after")
    def _says_something(self) -> "Policy":
        if not self.number and not self.check:
            raise ValueError("it holds no rule: add a `[[number]]` or a `[[check]]`")
        return self


def load_policy(path: Path) -> Policy:
    """Reads a policy.

    Raises:
        PipelineError: No such file, no TOML, or a key or value that is not understood.
    """
    try:
        return Policy.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise PipelineError(f"the policy {path} cannot be read ({error.strerror}); check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} is not valid TOML ({error}); mend that line") from error
    except ValidationError as error:
        raise PipelineError(f"{path}: {first_fault(error, reference='docs/audit.md')}") from error
