"""The tests of the pipelines share examples; pytest imports each test file by itself."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "knowledge")]  # last, so that the helper modules shadow nothing
