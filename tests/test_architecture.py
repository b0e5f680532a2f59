"""The shape of the project: folders are packages, layers point downwards, entry points exist."""

from __future__ import annotations

import ast
import importlib
import json
import os
import pkgutil
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
ENTRY_POINTS = [
    (group, name, target)
    for group, entries in {
        "console": PYPROJECT["project"]["scripts"],
        **PYPROJECT["project"]["entry-points"],
    }.items()
    for name, target in entries.items()
]


def folders(file: str) -> tuple[str, ...]:
    """Return the tuple FOLDERS of setup.py or link_types.py, without running the file."""
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FOLDERS":
            return tuple(ast.literal_eval(node.value))
    raise LookupError(f"{file} has no FOLDERS")


FOLDERS = folders("setup.py")


def packages_on_disk() -> set[str]:
    """Return the dotted name of every folder below FOLDERS that holds a Python file."""
    return {
        ".".join(("saccade", *path.parent.relative_to(ROOT).parts))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    }


def modules() -> list[str]:
    names = []
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            names.append(".".join(("saccade", *parts)).removesuffix(".__init__"))
    return sorted(names)


def python(program: str, **env: str) -> str:
    """Return what a program prints in a fresh interpreter that is not in the repository."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(sys.executable).parent,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_type_checkers_and_the_wheel_see_the_same_folders() -> None:
    assert folders("link_types.py") == FOLDERS
    assert set(PYPROJECT["tool"]["coverage"]["run"]["source"]) == set(FOLDERS)
    assert set(PYPROJECT["tool"]["importlinter"]["root_packages"]) == {
        f"saccade.{folder}" for folder in FOLDERS
    }
    banned = PYPROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert set(banned) == set(FOLDERS)


def test_the_wheel_holds_every_package_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    import setuptools

    declared: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: declared.update(arguments))
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    assert set(declared["packages"]) == packages_on_disk()
    assert declared["package_dir"] == {f"saccade.{folder}": folder for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_tells_type_checkers_that_it_is_typed(folder: str) -> None:
    assert (ROOT / folder / "py.typed").is_file()
    assert "py.typed" in PYPROJECT["tool"]["setuptools"]["package-data"]["*"]


@pytest.mark.parametrize("name", modules())
def test_every_module_imports(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say why it exists"


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_installed_folder_is_the_one_of_this_repository(folder: str) -> None:
    package = importlib.import_module(f"saccade.{folder}")
    assert [Path(path).resolve() for path in package.__path__] == [ROOT / folder]
    prefix = f"saccade.{folder}."
    found = {module.name for module in pkgutil.walk_packages(package.__path__, prefix)}
    assert found == {name for name in modules() if name.startswith(prefix)}


@pytest.mark.parametrize(("group", "name", "target"), ENTRY_POINTS)
def test_every_entry_point_leads_somewhere(group: str, name: str, target: str) -> None:
    module, _, attribute = target.partition(":")
    found = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    assert callable(found), f"{group}: {name} is {target}, which can't be called"


def test_the_real_time_core_loads_nothing_learned_nor_drawn() -> None:
    """Import-linter reads import statements; this sees what the imports really bring in."""
    forbidden = {
        name
        for contract in CONTRACTS
        if contract["type"] == "forbidden" and "saccade.realtime" in contract["source_modules"]
        for name in contract["forbidden_modules"]
    }
    assert {"torch", "PySide6"} <= forbidden
    core = [name for name in modules() if name.startswith("saccade.realtime")]
    loaded = python(
        "import importlib, json, sys\n"
        "before = set(sys.modules)\n"
        f"for name in {core!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({n.partition('.')[0] for n in set(sys.modules) - before})))"
    )
    assert forbidden & set(json.loads(loaded)) == set()


def lint_imports(root: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(
                sys.executable,
                "-c",
                "import importlinter.cli; importlinter.cli.lint_imports_command()",
            ),
            *("--no-logo", "--no-cache", "--config", str(ROOT / "pyproject.toml")),
        ],
        cwd=root,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_import_contracts_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "imported", "broken"),
    [
        ("realtime", "torch", "No torch and no configuration library"),
        ("realtime.blocks", "saccade.models", "Layers point downwards"),
        ("models", "saccade.gui", "Layers point downwards"),
        ("calibration", "PySide6.QtGui", "No Qt below the window"),
        ("realtime.engine", "threading", "know no stream library"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(
    tmp_path: Path, module: str, imported: str, broken: str
) -> None:
    named = {name for contract in CONTRACTS for name in contract.get("source_modules", ())}
    for name in named.union(PYPROJECT["tool"]["importlinter"]["root_packages"]):
        package = tmp_path.joinpath(*name.split("."))
        package.mkdir(parents=True, exist_ok=True)
        planted = f"import {imported}\n" if name == f"saccade.{module}" else ""
        (package / "__init__.py").write_text(planted)
    done = lint_imports(tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    report = " ".join(done.stdout.split())  # as wide as the terminal it was written for
    assert report.count("BROKEN") == 1
    assert re.search(rf"{broken}[^.]* BROKEN", report), report


@pytest.mark.parametrize(
    ("line", "code"),
    [
        *((f"from {folder} import types", "TID251") for folder in FOLDERS),
        ("from . import types", "TID252"),
        ("print(1)", "T201"),
        ("assert 1", "S101"),
    ],
)
def test_ruff_refuses_what_the_rules_forbid(line: str, code: str) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    done = subprocess.run(
        [
            *(ruff, "check", "--no-cache", "--output-format=concise"),
            *("--stdin-filename=realtime/planted.py", "-"),
        ],
        cwd=ROOT,
        input=line + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert f" {code} " in done.stdout, done.stdout + done.stderr


def test_no_two_test_files_have_one_name() -> None:
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
