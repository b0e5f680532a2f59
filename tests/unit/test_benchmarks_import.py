"""Every benchmark and example can be started: none imports what has moved."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted([*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "examples").glob("*.py")])
WANTS = {"zoo.py": "braindecode"}  # what some need beyond saccade


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_it_imports_what_is_there(program):
    extra = WANTS.get(program.name)
    if extra is not None and importlib.util.find_spec(extra) is None:
        pytest.skip(f"{program.name} needs {extra}, which is not installed")
    code = f"import sys; sys.path.insert(0, {str(program.parent)!r}); import {program.stem}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
