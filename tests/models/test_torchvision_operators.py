import pytest
import torch

import models.torchvision_operators as operators


def test_timm_can_be_imported_after_the_operators() -> None:
    import timm

    assert timm.is_model("tf_efficientnet_lite0")


def test_operators_that_exist_are_left_alone() -> None:
    assert operators.missing_operators() == []
    assert operators.declare_missing_operators() is None


def test_a_missing_operator_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "SCHEMAS", {"knobo_test": "knobo_test(Tensor a) -> Tensor"})
    library = operators.declare_missing_operators()
    assert library is not None
    assert operators.missing_operators() == []
    assert str(torch.ops.torchvision.knobo_test.default._schema).endswith("knobo_test(Tensor a) -> Tensor")


def test_nothing_is_declared_without_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "SCHEMAS", {"knobo_absent": "knobo_absent(Tensor a) -> Tensor"})
    monkeypatch.setattr(operators, "find_spec", lambda _: None)
    assert operators.declare_missing_operators() is None
