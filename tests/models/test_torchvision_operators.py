import subprocess
import sys

import models.torchvision_operators as operators


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_timm_can_be_imported_after_the_operators() -> None:
    assert run("import models.torchvision_operators, timm; print('timm' in dir())") == "True\n"


def test_nothing_is_missing_after_the_import() -> None:
    assert operators.missing_operators() == []


def test_existing_operators_are_left_alone() -> None:
    code = """
import torch
mine = torch.library.Library("torchvision", "FRAGMENT")
mine.define("nms(Tensor a) -> Tensor")
mine.define("qnms(Tensor a) -> Tensor")
import models.torchvision_operators as operators
print(operators.LIBRARY, torch.ops.torchvision.nms.default._schema)
"""
    assert run(code) == "None torchvision::nms(Tensor a) -> Tensor\n"
