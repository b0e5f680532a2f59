"""The examples of closed loops run unattended, as whoever copies them starts them."""

from __future__ import annotations

import dataclasses
import importlib
import math
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from saccade.models.decoders import decoder_file

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"

pytestmark = [pytest.mark.lsl, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only this test's own sessions be found."""
    for name in ("XDG_RUNTIME_DIR", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))


def run(example: str, decoder: Path, *flags: object) -> subprocess.CompletedProcess[str]:
    environment = {"QT_QPA_PLATFORM": "offscreen"} | dict(os.environ) | {"PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, str(EXAMPLES / example), "--decoder", str(decoder), *map(str, flags)],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=280,
        check=False,
    )


@pytest.mark.parametrize(
    ("example", "flags", "says"),
    [
        ("two_streams.py", ("--trials", 12, "--speed", 6), "of 12 trials right"),
        ("closed_loop_search.py", ("--searches", 4, "--speed", 6), "of 4 concepts in mind rightly"),
        ("neurofeedback_bar.py", ("--speed", 6, "--window"), "of 12 blocks"),
        ("psychopy_rsvp.py", ("--sequences", 2, "--screen", "built-in"), "n 40, gallery 200"),
    ],
)
def test_it_does_what_it_says(
    person: Path, example: str, flags: tuple[object, ...], says: str
) -> None:
    done = run(example, person, *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    *_, last = done.stdout.splitlines()
    assert last.startswith("SIMULATED: ")
    assert says in last
    assert " 0 samples lost" in last


def test_a_decoder_that_knows_nothing_does_not_pass(person: Path, tmp_path: Path) -> None:
    file = decoder_file.load(person)
    names = file.gallery.names
    renamed = dataclasses.replace(file.gallery, names=(*names[100:], *names[:100]))
    decoder_file.save(
        dataclasses.replace(file, gallery=renamed), tmp_path / "knows-nothing.saccade"
    )
    done = run("two_streams.py", tmp_path / "knows-nothing.saccade", "--trials", 12, "--speed", 6)
    assert done.returncode == 1, done.stderr
    assert "of 12 trials right" in done.stdout


def example(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return an example as a module, as another of them would import it."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module(name)


REJECTED = {"type": "rejected", "onset_s": 1.0, "label": "dog", "rejected": ["gap"]}


def said(dog: float, cat: float) -> dict[str, Any]:
    top = [{"name": "dog", "probability": dog}, {"name": "cat", "probability": cat}]
    return {"type": "prediction", "onset_s": 1.0, "label": "dog", "top": top}


@pytest.mark.parametrize("dog", [0.25, 0.0])
def test_a_rejected_picture_says_nothing_and_an_impossible_one_is_not_the_end(
    monkeypatch: pytest.MonkeyPatch, dog: float
) -> None:
    sides = {1.0: "left", 5.0: "right"}
    attended_side = example("two_streams", monkeypatch).attended_side
    side, nats = attended_side([REJECTED, said(dog, 0.5)], sides)
    assert (side, math.isfinite(nats)) == ("right", True)
    looked_at = example("closed_loop_search", monkeypatch).looked_at
    assert looked_at([REJECTED], ["dog", "cat"]) == pytest.approx([0.5, 0.5])
    assert looked_at([REJECTED, said(dog, 0.5)], ["dog", "cat"])[1] == pytest.approx(
        2 / 3 if dog else 1
    )
    with pytest.raises(KeyError):
        looked_at([said(dog, 0.5)], ["dog", "bat"])
    bar = example("neurofeedback_bar", monkeypatch)
    monkeypatch.setattr(bar, "PAIR", ("dog", "cat"))
    for other in (0.5, 0.0):
        shown = bar.Bar()
        shown.take(REJECTED)
        assert shown.height == 0.5
        shown.take(said(dog, other))
        assert (shown.height < 0.5) == (dog < other)


@pytest.mark.parametrize("ends", [[], [{"at": "aborted"}], [{"at": "refused", "text": "no"}]])
def test_a_stimulus_window_that_shows_no_block_ends_the_example(
    monkeypatch: pytest.MonkeyPatch, ends: list[dict[str, Any]]
) -> None:
    rsvp = example("psychopy_rsvp", monkeypatch)
    screen = object.__new__(rsvp.BuiltInScreen)
    screen._lead_in_s = 0.0
    told = iter([[{"at": "shown"}], ends])
    screen._window = SimpleNamespace(block=lambda *_: None, poll=lambda _: next(told))
    with pytest.raises(SystemExit, match="the stimulus window did not show the block"):
        screen.show(["dog"])


def test_a_program_that_fails_says_so_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = tmp_path / "nothing.saccade"
    program = example("programs", monkeypatch).Program(tmp_path, "run", "--decoder", nothing)
    with pytest.raises(SystemExit, match=r"saccade run ended with 1: .*nothing\.saccade"):
        program.result()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_it_names_its_programs_and_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""')
    assert len(text.splitlines()) < 200
    if path.name not in ("lab.py", "programs.py"):
        assert f"python examples/{path.name}" in text


@pytest.mark.parametrize("missing", ["psychopy"])
def test_psychopy_is_never_imported_by_the_package(missing: str) -> None:
    root = EXAMPLES.parent
    for folder in ("realtime", "models", "calibration", "gui", "cli"):
        for path in (root / folder).rglob("*.py"):
            assert f"import {missing}" not in path.read_text(encoding="utf-8"), path
