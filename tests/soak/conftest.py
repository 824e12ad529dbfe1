"""The long tests share helpers with each other and with the quick ones."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
sys.path += [str(HERE), str(TESTS / "pipelines"), str(TESTS / "knowledge")]  # last: they shadow nothing
