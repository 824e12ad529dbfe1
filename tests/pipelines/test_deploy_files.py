"""The files in deploy/ agree with the code, with one another, and with what their readers are told."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from pipelines.cli import app

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
VARIABLE = re.compile(r"\$\{([A-Z_]+)(:[-?][^}]*)?\}")
OURS = ("prefect-server", "register", "worker", "api")


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8")))


def resources() -> list[dict[str, Any]]:
    files = sorted(path for path in (DEPLOY / "k8s").glob("*.yaml") if path.name != "kustomization.yaml")
    return [each for file in files for each in yaml.safe_load_all(file.read_text("utf-8"))]


def pods() -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in resources()
        if "template" in each.get("spec", {})
    }


def verbs(command: list[str]) -> list[str]:
    words = command[-1].removeprefix("exec ").split() if command[0] == "sh" else command
    return [word for word in words if not word.startswith("/configs/")]


@pytest.mark.parametrize("name", ["postgres", *OURS])
def test_a_process_of_compose_may_write_nothing_but_its_data(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].partition(":")[0]) > 0
    assert {"mem_limit", "cpus", "pids_limit", "networks", "logging", "healthcheck"} <= set(service)


@pytest.mark.parametrize("name", ["postgres", *OURS])
def test_a_pod_may_write_nothing_but_its_data(name: str) -> None:
    pod = pods()[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        allowed = container["securityContext"]
        assert (allowed["readOnlyRootFilesystem"], allowed["allowPrivilegeEscalation"]) == (True, False)
        assert allowed["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]) == {"requests", "limits"}


@pytest.mark.parametrize("name", OURS)
def test_a_pod_starts_what_the_service_of_compose_starts(name: str) -> None:
    asked = compose()["services"][name]["command"]
    (container,) = pods()[name]["containers"]
    filled = [re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", word) for word in asked]
    defaults = [word.replace("$$", "$") for word in filled]
    assert [Path(word).name for word in defaults] == [Path(word).name for word in container["args"]]


@pytest.mark.parametrize("name", ["register", "api"])
def test_the_options_that_the_files_give_to_knobo_exist(name: str) -> None:
    words = verbs(compose()["services"][name]["command"])
    assert words[0] == "knobo"
    known = get_command(app).commands[words[1]]  # type: ignore[attr-defined]
    options = {option for parameter in known.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_variable_of_compose_is_explained_and_none_is_left_over() -> None:
    used = {found.group(1) for found in VARIABLE.finditer((DEPLOY / "compose.yaml").read_text("utf-8"))}
    told = re.findall(r"^([A-Z_]+)=", (DEPLOY / ".env.example").read_text("utf-8"), re.MULTILINE)
    assert set(told) == used


def test_the_api_that_may_start_audits_differs_in_that_alone() -> None:
    base = compose()["services"]["api"]
    over = yaml.safe_load((DEPLOY / "compose.audits.yaml").read_text("utf-8"))["services"]["api"]
    assert over["command"] == [*base["command"], "--audits", "/configs"]
    shipped, runs = (next(each for each in some["volumes"] if "/data/runs" in each) for some in (base, over))
    assert shipped == f"{runs}:ro"
    worker = compose()["services"]["worker"]
    assert set(worker["volumes"][1:]) < set(over["volumes"])
    assert all(over[name] == worker[name] for name in ("env_file", "mem_limit", "cpus"))


def test_no_example_holds_a_password() -> None:
    for example in (DEPLOY / ".env.example", DEPLOY / "k8s" / "secrets.env.example"):
        for line in example.read_text("utf-8").splitlines():
            if "PASSWORD" in line.partition("=")[0] or "AUTH_STRING" in line.partition("=")[0]:
                assert line.partition("=")[2] in {"", "admin:"}
    ignored = (DEPLOY / ".gitignore").read_text("utf-8").split()
    assert {".env", "k8s/secrets.env", "k8s/api_keys"} <= set(ignored)


def test_kustomize_lists_every_manifest() -> None:
    listed = yaml.safe_load((DEPLOY / "k8s" / "kustomization.yaml").read_text("utf-8"))
    files = {path.name for path in (DEPLOY / "k8s").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed["resources"]) == files
    assert (
        listed["images"][0]["newTag"]
        == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    )


def test_what_the_image_copies_is_there_and_reaches_its_builder() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists()
        assert f"!{source}" in allowed
    assert re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    assert {"HEALTHCHECK", "PYTHONSAFEPATH=1"} <= set(re.findall(r"HEALTHCHECK|PYTHONSAFEPATH=1", dockerfile))


def test_the_image_installs_what_the_project_asks_for() -> None:
    done = subprocess.run(
        [sys.executable, str(DEPLOY / "requirements.py"), "dicom,xlsx"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    parts = project["optional-dependencies"]
    assert done.stdout.splitlines() == [*project["dependencies"], *parts["dicom"], *parts["xlsx"]]
    (extras,) = re.findall(r'ARG EXTRAS="(.+)"', (DEPLOY / "Dockerfile").read_text("utf-8"))
    assert set(extras.split(",")) <= set(parts)
