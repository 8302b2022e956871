"""Same seed, same design: the hashes that every platform must come to, drawn here where Django cannot be imported."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_designs_of_every_shape_are_the_recorded_bytes_without_django_and_with_any_order_of_sets():
    """A change of a hash changes published designs. The hash of a text in Python, and so the order of a set, differs from run to run."""
    code = """
import sys
sys.modules["django"] = None
from tests.surveys.core.same_designs import main
sys.exit(main([]))
"""
    environment = os.environ | {"PYTHONHASHSEED": "random"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 of 12 designs are the recorded ones" in done.stdout
