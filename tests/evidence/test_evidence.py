"""The storey of evidence: what it may import."""

import subprocess
import sys
from pathlib import Path

import pytest

import prunelib.evidence

MODULES = sorted(path.stem for path in Path(prunelib.evidence.__file__).parent.glob("[a-z]*.py"))


@pytest.mark.parametrize("beyond", ["torch", "plotly", "prunelib.book", "prunelib.cli"])
def test_evidence_imports_nothing_from_above_and_no_torch(beyond):
    imports = "; ".join(f"import prunelib.evidence.{name}" for name in MODULES)
    code = f"import sys; {imports}; sys.exit({beyond!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
