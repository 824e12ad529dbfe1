"""A policy as a TOML file: limits on numbers of the audit, and checks that must pass."""

import tomllib
from pathlib import Path

from pydantic import ValidationError, model_validator

from pipelines.config.loading import first_fault
from pipelines.config.section import Section
from pipelines.errors import PipelineError


class NumberRule(Section):
    """One limit, or several, on one number of the audit or on the same number of every split."""

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


class CheckRule(Section):
    """A check that every split must pass."""

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
