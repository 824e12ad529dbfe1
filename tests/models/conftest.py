"""Tests share helper modules; pytest imports each test file by itself."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # last, so that the helper modules shadow nothing
