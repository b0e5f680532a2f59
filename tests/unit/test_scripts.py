"""The two commands of the README: what they install, when they do it again, how they fail.

They run here for real, in a folder of their own, with a `venv`, a `pip` and tools that only
write down that they were called: quick, and without a network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("scripts/demo", "scripts/test", "scripts/setup", ".ci/run")

pytestmark = pytest.mark.skipif(
    sys.platform == "win32",
    reason="the stand-ins are POSIX programs; on Windows the hosted CI runs the scripts themselves",
)

STAND_INS = {
    "venv": """
import os, pathlib, sys
note("venv")
folder = pathlib.Path(sys.argv[1], "bin")
folder.mkdir(exist_ok=True)
(folder / "python").symlink_to(sys.executable)
(folder.parent / "pyvenv.cfg").write_text(f"home = {os.path.dirname(sys.executable)}")
""",
    "pip": """
import os, pathlib, signal, sys
note("pip " + " ".join(a for a in sys.argv[1:] if not a.startswith("--")))
if os.environ.get("PIP") == "fails":
    sys.exit(1)
if os.environ.get("PIP") == "dies":
    os.kill(os.getppid(), signal.SIGKILL)
for tool in ("ruff", "mypy", "lint-imports", "saccade"):
    path = pathlib.Path(sys.executable).with_name(tool)
    path.write_text(
        f'#!/bin/sh\\necho {tool} "$@" >> "$LOG"\\n[ "$FAILING" != {tool} ] || exit 7\\n'
    )
    path.chmod(0o755)
""",
    "pytest": "import sys\nnote(' '.join(['pytest', *sys.argv[1:]]))",
}
NOTE = """
def note(line):
    import os
    with open(os.environ["LOG"], "a") as log:
        log.write(line + "\\n")
"""

INSTALL_DEV = "pip install torch==2.13.0 -e .[dev]"
INSTALL_BASE = "pip install torch==2.13.0 -e ."


@dataclass
class House:
    """A copy of the scripts with stand-ins for all they call."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def start(self, *command: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.root / command[0]), *command[1:]],
            cwd="/",
            env={**os.environ, **self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*command, **env)
        out, err = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def called(self) -> list[str]:
        """Return what was called since the last time."""
        log = Path(self.env["LOG"])
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def house(tmp_path: Path) -> House:
    root, stand_ins, path = tmp_path / "a house", tmp_path / "stand-ins", tmp_path / "path"
    for name in SCRIPTS:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for name in ("pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, root / name)
    (root / "link_types.py").touch()
    # Qt's libraries are "missing" as long as a file of that name lies there.
    program(
        root / "gui" / "platform.py",
        "import os, sys\nhere = os.path.dirname(__file__)\n"
        "if os.path.exists(here + '/missing'):\n"
        "    sys.stdout.write(f'apt-get install libegl1 \"{here}\"')\n    sys.exit(1)\n",
    )
    stand_ins.mkdir()
    for name, text in STAND_INS.items():
        (stand_ins / f"{name}.py").write_text(NOTE + text)
    program(path / "id", "#!/bin/sh\necho $USER_ID\n")
    program(path / "apt-get", '#!/bin/sh\necho apt-get $1 $2 >> "$LOG"\nrm "$3/missing"\n')
    return House(
        root,
        {
            "LOG": str(tmp_path / "log"),
            "PYTHON": sys.executable,
            "PYTHONPATH": str(stand_ins),
            "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
            "USER_ID": "1000",
        },
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_are_sound_bash(name: str) -> None:
    done = subprocess.run(
        ["bash", "-n", str(ROOT / name)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    if name != "scripts/setup":  # sourced, not run
        assert os.access(ROOT / name, os.X_OK)
        assert (ROOT / name).read_text().startswith("#!/usr/bin/env bash\n")
        assert "\nset -euo pipefail\n" in (ROOT / name).read_text()


def test_shellcheck_finds_nothing() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed here")
    command = ["shellcheck", "--shell=bash", "--external-sources", "--source-path=SCRIPTDIR/.."]
    done = subprocess.run(
        [*command, *SCRIPTS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_second_run_installs_nothing(house: House) -> None:
    assert house.run("scripts/demo").returncode == 0
    assert house.called() == ["venv", INSTALL_BASE, "saccade demo"]
    assert house.run("scripts/demo", "--seconds", "5").returncode == 0
    assert house.called() == ["saccade demo --seconds 5"]


def test_what_the_tests_need_covers_the_demo_and_not_the_reverse(house: House) -> None:
    house.run("scripts/demo")
    house.called()
    house.run("scripts/test")
    assert house.called()[0] == INSTALL_DEV
    house.run("scripts/demo")
    assert house.called() == ["saccade demo"]


def test_changed_requirements_are_installed_into_the_same_environment(house: House) -> None:
    house.run("scripts/test")
    for name in ("pyproject.toml", "setup.py"):
        house.called()
        with (house.root / name).open("a") as file:
            file.write("# changed\n")
        house.run("scripts/demo")
        assert house.called() == [INSTALL_BASE, "saccade demo"]
    house.run("scripts/test")
    assert house.called()[0] == INSTALL_DEV


def test_a_moved_folder_gets_a_new_environment(house: House) -> None:
    house.run("scripts/demo")
    house.called()
    moved = House(house.root.rename(house.root.with_name("moved")), house.env)
    assert moved.run("scripts/demo").returncode == 0
    assert house.called() == ["venv", INSTALL_BASE, "saccade demo"]


def test_a_failed_installation_is_said_and_tried_again(house: House) -> None:
    failed = house.run("scripts/test", PIP="fails")
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: pip could not install saccade: ")
    assert house.called() == ["venv", INSTALL_DEV]
    assert house.run("scripts/demo").returncode == 0
    assert house.called() == [INSTALL_BASE, "saccade demo"]


def test_an_installation_that_was_killed_begins_again(house: House) -> None:
    assert house.run("scripts/demo", PIP="dies").returncode == -9
    assert house.called() == ["venv", INSTALL_BASE]
    assert house.run("scripts/demo").returncode == 0
    assert house.called() == ["venv", INSTALL_BASE, "saccade demo"]


def test_a_second_run_waits_for_the_first_to_have_installed(house: House) -> None:
    if shutil.which("flock") is None:
        pytest.skip("without flock (macOS) two first runs at once are not kept apart")
    import fcntl

    with (house.root / "scripts" / "setup").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = house.start("scripts/demo")
        assert second.stdout is not None
        assert second.stdout.readline() == "\n"
        assert second.stdout.readline() == "== waiting for another set-up in this folder ==\n"
        assert house.called() == []
    second.communicate()
    assert house.called() == ["venv", INSTALL_BASE, "saccade demo"]


def test_an_environment_somebody_else_made_is_left_alone(house: House) -> None:
    (house.root / ".venv").mkdir()
    (house.root / ".venv" / "pyvenv.cfg").write_text("theirs")
    refused = house.run("scripts/test")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: .venv was not made by this script")
    assert (house.root / ".venv" / "pyvenv.cfg").read_text() == "theirs"
    assert house.called() == []


@pytest.mark.parametrize("python", ["/nowhere/python", "false"])
def test_without_a_python_one_line_says_what_is_needed(house: House, python: str) -> None:
    refused = house.run("scripts/demo", PYTHON=python)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"Python 3.11 or newer, and none of these is: {python}." in refused.stderr


@pytest.mark.parametrize("script", ["scripts/test", ".ci/run"])
def test_every_check_runs_in_order_and_pytest_has_the_last_word(house: House, script: str) -> None:
    given = ("-m", "soak") if script == "scripts/test" else ()
    arguments = given or ("--numprocesses", "2", "--dist", "loadgroup")  # all, two at a time
    assert house.run(script, *given).returncode == 0
    assert house.called() == [
        "venv",
        INSTALL_DEV,
        "ruff check",
        "ruff format --check",
        "mypy",
        "lint-imports --no-logo",
        " ".join(("pytest", *arguments)),
    ]


@pytest.mark.parametrize("tool", ["ruff", "mypy", "lint-imports"])
def test_the_first_failure_ends_the_run_with_its_exit_code(house: House, tool: str) -> None:
    assert house.run("scripts/test", FAILING=tool).returncode == 7
    assert house.called()[-1].split()[0] == tool


def test_without_qts_libraries_the_tests_stop_and_the_demo_goes_on(house: House) -> None:
    (house.root / "gui" / "missing").touch()
    stopped = house.run("scripts/test")
    assert stopped.returncode == 1
    assert "Install them with:\n  apt-get install libegl1" in stopped.stderr
    assert house.called() == []
    shown = house.run("scripts/demo")
    assert shown.returncode == 0
    assert "apt-get install libegl1" in shown.stderr
    assert house.called()[-1] == "saccade demo"


def test_qts_libraries_are_installed_where_that_needs_no_password(house: House) -> None:
    (house.root / "gui" / "missing").touch()
    assert house.run("scripts/test", USER_ID="0").returncode == 0
    assert house.called()[0] == "apt-get install libegl1"


def test_the_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text()
    for command in ("scripts/demo", "scripts/test"):
        assert command in text
