"""What a session was begun with is what ``--session FOLDER`` alone goes on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from saccade.calibration.folder import About, SessionFolder
from saccade.calibration.plan import make_plan
from saccade.cli import configuration, session_given, session_setup
from saccade.cli.session_given import Asked
from saccade.models.galleries.gallery_files import load_everyday
from saccade.realtime.errors import ConfigError, SessionError

FLAGS = {
    "pipeline.low_hz": 1.0,
    "pipeline.high_hz": "none",
    "pipeline.bads": ("O1", "O2"),
    "markers.labels": {"1": "dog"},
    "calibration.seed": 3,
    "stimuli.background": "#102030",
    "stream.resolve_timeout_s": 9.0,
    "calibration.pretrained": None,
}
SAID: dict[str, Any] = {
    "protocol": "demo",
    "trials": 40,
    "auto": True,
    "simulated": True,
    "speed": 4.0,
    "windowed": True,
    "screen": 1,
}
NOTHING: dict[str, Any] = {
    "protocol": None,
    "trials": None,
    "auto": True,
    "simulated": False,
    "speed": None,
    "windowed": False,
    "screen": None,
}


def asked(folder: Path, **said: Any) -> Asked:
    return session_given.asked(session_given.begun_in(folder), folder=folder, **said)


def opened(folder: Path, said: dict[str, Any], flags: dict[str, Any]) -> About:
    """Begin the session of a folder, or go on with it, by the path of the command."""
    begun = session_given.begun_in(folder)
    before = session_given.settings_of(begun)
    loaded = configuration.load(None, flags, (), before)
    out = session_given.out_of(begun) or Path("me.saccade")
    ask = asked(folder, **said)
    protocol = session_setup.protocol_of(ask, loaded)
    gallery = load_everyday()
    plan = make_plan(protocol, gallery.names)
    made = session_setup.folder_of(ask, loaded, protocol, plan, gallery, out)
    with made:
        return made.about


def test_the_folder_alone_is_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = opened(tmp_path / "s", SAID, FLAGS)
    assert first.protocol["trials"] == 40
    assert first.protocol["seed"] == 3
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert opened(tmp_path / "s", NOTHING, {}) == first
    ask = asked(tmp_path / "s", **NOTHING)
    assert (ask.simulated, ask.speed, ask.windowed, ask.screen) == (True, 4.0, True, 1)
    assert session_given.out_of(ask.begun) == tmp_path / "me.saccade"
    loaded = configuration.load(None, {}, (), session_given.settings_of(ask.begun))
    assert loaded.config.stream.resolve_timeout_s == 9.0
    assert loaded.config.pipeline.high_hz is None
    assert json.loads((tmp_path / "s" / "session.json").read_text())["given"]["screen"] == 1


def test_the_whole_command_again_is_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert opened(tmp_path / "s", SAID, FLAGS) == opened(tmp_path / "s", SAID, FLAGS)


@pytest.mark.parametrize(
    ("said", "flags", "what"),
    [
        ({"protocol": "rsvp"}, {}, r"another protocol \(trials_per_block was 120, is 300\)"),
        ({"trials": 60}, {}, r"protocol \(trials was 40, is 60\)"),
        ({"speed": 2.0}, {}, r"speed \(was 4.0, is 2.0\)"),
        ({}, {"pipeline.low_hz": 2.0}, r"settings \(pipeline.low_hz was 1.0, is 2.0\)"),
        ({}, {"stimuli.background": "#000000"}, r"stimuli.background was \"#102030\""),
        ({}, {"calibration.seed": 5}, r"protocol \(seed was 3, is 5\)"),
    ],
)
def test_what_is_said_otherwise_is_refused(tmp_path, monkeypatch, said, flags, what):
    monkeypatch.chdir(tmp_path)
    opened(tmp_path / "s", SAID, FLAGS)
    with pytest.raises(SessionError, match=what):
        opened(tmp_path / "s", NOTHING | said, flags)
    SessionFolder.open(tmp_path / "s").close()  # and is let go


def test_what_decides_nothing_may_be_said_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened(tmp_path / "s", SAID, FLAGS)
    opened(tmp_path / "s", NOTHING | {"screen": 0}, {"stream.resolve_timeout_s": 20.0})
    assert asked(tmp_path / "s", **(NOTHING | {"screen": 0})).screen == 0


def test_where_another_program_presents_there_is_no_window_to_place(tmp_path):
    loaded = configuration.load(None, {"markers.names": ("theirs",)})
    external = NOTHING | {"protocol": "external"}
    assert session_setup.protocol_of(asked(tmp_path, **external), loaded).kind == "external"
    for placed in ({"screen": 3}, {"windowed": True}):
        with pytest.raises(ConfigError, match="--windowed and --screen would change nothing"):
            session_setup.protocol_of(asked(tmp_path, **(external | placed)), loaded)


def test_the_way_on_names_the_folder_once(monkeypatch):
    for words in (["--session", "s"], ["--session=s"]):
        monkeypatch.setattr("sys.argv", ["saccade", "calibrate", *words])
        assert session_setup.again(Path("s")) == f"saccade calibrate {' '.join(words)}"
    monkeypatch.setattr("sys.argv", ["saccade", "calibrate", "--auto"])
    assert session_setup.again(Path("s")) == "saccade calibrate --auto --session s"
