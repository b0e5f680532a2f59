"""Settings: defaults under the file under the flags, each with its origin, errors in one line."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from saccade.cli import configuration
from saccade.realtime.errors import ConfigError

TOML = """
[stream]
name = "BioSemi"
[markers]
labels = { 1 = "House", 2 = "Human face" }
[epochs]
tmax_s = 0.6
baseline_s = [-0.1, 0.0]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "session.toml"
    path.write_text(TOML, encoding="utf-8")
    return path


def test_flags_override_the_file_which_overrides_the_defaults(file: Path) -> None:
    loaded = configuration.load(file, {"epochs.tmax_s": 0.5, "markers.names": ("M",)})
    assert loaded.config.stream.name == "BioSemi"
    assert loaded.config.epochs.tmax_s == 0.5
    assert loaded.config.epochs.tmin_s == -0.2
    assert loaded.config.epochs.baseline_s == (-0.1, 0.0)
    assert loaded.config.markers.labels == {"1": "House", "2": "Human face"}
    origins = {key: origin for key, _, origin in loaded.values()}
    assert origins["stream.name"] == "session.toml"
    assert origins["epochs.tmax_s"] == "--tmax-s"
    assert origins["markers.names"] == "--markers"
    assert origins["epochs.tmin_s"] == "default"


def test_flags_that_were_not_given_change_nothing(file: Path) -> None:
    flags = {"epochs.tmax_s": None, "markers.labels": {}, "markers.names": ()}
    assert configuration.load(file, flags) == configuration.load(file)


def test_any_setting_can_be_set_and_none_stands_for_null(file: Path) -> None:
    loaded = configuration.load(
        file,
        {"epochs.tmax_s": 0.5},
        ["epochs.tmax_s=0.7", "stream.name=Cap 3", "epochs.baseline_s=none", "output.lsl=false"],
    )
    assert loaded.config.epochs.tmax_s == 0.7
    assert loaded.config.stream.name == "Cap 3"
    assert loaded.config.epochs.baseline_s is None
    assert loaded.config.output.lsl is False
    assert loaded.origins["epochs.tmax_s"] == "--set"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[epochs]\ntmax = 1", r"session.toml: .*'epochs.tmax': did you mean 'tmax_s'\?"),
        ("[epoch]\ntmax_s = 1", r"session.toml: .*'epoch': did you mean 'epochs'\?"),
        ("[epochs]\nzzz = 1", "known are tmin_s, tmax_s"),
        ("name = 1", r"sections such as \[stream\], but 'name' stands alone"),
        ("[epochs]\ntmax_s = 'long'", "epochs.tmax_s = 'long' won't do"),
        ("[pipeline]\norder = 99", "pipeline.order = 99 won't do: .*less than or equal to 12"),
        ("[pipeline]\nreference = 'mean'", "pipeline.reference = 'mean' won't do"),
        ("[epochs\n", "session.toml is not valid TOML"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "session.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        configuration.load(path)
    assert "\n" not in str(caught.value)


def test_the_time_in_a_name_gives_every_session_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "session.toml"
    path.write_text('[output]\nrecord = "s_{datetime}.xdf"\nlog = "plain.jsonl"', encoding="utf-8")
    before = datetime.datetime.now().replace(microsecond=0)
    output = configuration.load(path).config.output
    assert output.log == Path("plain.jsonl")
    assert output.record is not None
    begun = datetime.datetime.strptime(output.record.name, "s_%Y%m%d-%H%M%S.xdf")
    assert before <= begun <= datetime.datetime.now()
    flag = configuration.load(None, {"output.record": Path("{datetime}.xdf")}).config.output
    assert flag.record is not None
    assert flag.record.stem[:2] == "20"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration can be read at .*absent\.toml"):
        configuration.load(tmp_path / "absent.toml")


@pytest.mark.parametrize("text", ["tmax_s=1", "epochs.tmax_s", "a.b.c=1"])
def test_overrides_need_section_key_and_value(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--set should be SECTION\.KEY=VALUE"):
        configuration.load(None, None, [text])
