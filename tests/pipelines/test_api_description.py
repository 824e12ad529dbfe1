"""The published description: operations show what goes in and out, and examples fit their schemas."""

from typing import Any

import pytest
from api_example import LIMITS, make_run
from jsonschema import Draft202012Validator

from pipelines.api.app import create_app
from pipelines.api.served import ServedRun
from pipelines.api.settings import Keys, digest_of


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    served = ServedRun.open(make_run(tmp_path_factory.mktemp("runs") / "small"))
    keys = Keys(frozenset({digest_of("a-key-of-twenty-letters")}))
    return create_app(served, limits=LIMITS, keys=keys).openapi()


def operations(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def shows(content: dict[str, Any], described: dict[str, Any]) -> bool:
    schema = content["schema"]
    name = schema.get("$ref", schema.get("items", {}).get("$ref", "")).rsplit("/")[-1]
    return "example" in content or bool(described["components"]["schemas"].get(name, {}).get("examples"))


def test_every_example_fits_its_schema(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    shown = {name: schema["examples"] for name, schema in schemas.items() if "examples" in schema}
    assert len(shown) >= 15
    for name, examples in shown.items():
        validator = Draft202012Validator({"$ref": f"#/components/schemas/{name}", **described})
        for example in examples:
            assert list(validator.iter_errors(example)) == [], name


def test_every_operation_shows_what_goes_in_and_out(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        for status, response in operation["responses"].items():
            for content in response["content"].values():
                assert shows(content, described), (name, status)
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            assert media != "application/json" or shows(content, described), name


def test_every_operation_but_health_asks_for_a_key(described: dict[str, Any]) -> None:
    free = {name for name, operation in operations(described) if operation["security"] == []}
    assert free == {"get /healthz", "get /readyz"}
