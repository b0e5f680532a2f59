"""What a pipeline is written down as: read back, refused where it is wrong, open to plug-ins."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.realtime import registry
from saccade.realtime.blocks.bandpass import Bandpass, BandpassSettings
from saccade.realtime.blocks.scale import ScaleSettings
from saccade.realtime.errors import ConfigError
from saccade.realtime.pipeline import (
    GROUP,
    Pipeline,
    PipelineSettings,
    settings_from_spec,
    to_spec,
)
from saccade.realtime.types import Chunk, StreamSpec

SPEC = StreamSpec("amp", 500.0, ("Fz", "Cz", "Oz"), ("eeg",) * 3, ("µV",) * 3)


def test_a_specification_from_before_there_was_filling_does_as_it_did() -> None:
    old = settings_from_spec({"gap_s": None, "rail_uv": 1e6, "blocks": []})
    assert (old.fill_s, old.dejitter) == (0.0, False)


def test_a_specification_may_be_written_in_toml() -> None:
    spec = tomllib.loads("""
        rail_uv = 200_000
        [[blocks]]
        block = "bandpass"
        low_hz = 1  # a whole number will do
        [[blocks]]
        block = "scale"
        mean = [0, 0.5]
        matrix = [[1, 0], [0, 1]]
    """)
    settings = settings_from_spec(spec)
    assert settings == PipelineSettings(
        rail_uv=2e5,
        blocks=(
            ("bandpass", BandpassSettings(low_hz=1.0)),
            ("scale", ScaleSettings((0.0, 0.5), matrix=((1.0, 0.0), (0.0, 1.0)))),
        ),
    )
    assert isinstance(settings.rail_uv, float)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"rail": 1.0}, "the pipeline has no setting 'rail': did you mean 'rail_uv'"),
        ({"fill_s": "long"}, "fill_s of the pipeline must be a number, not 'long'"),
        ({"dejitter": 1}, "dejitter of the pipeline must be true or false, not 1"),
        ({"gap_s": "long"}, "gap_s of the pipeline must be a number, not 'long'"),
        ({"rail_uv": None}, "rail_uv of the pipeline must be a number, not None"),
        ({"rail_uv": True}, "rail_uv of the pipeline must be a number, not True"),
        ({"blocks": {"block": "notch"}}, "blocks of the pipeline must be a list"),
        ({"blocks": ["notch"]}, "block 1 of the pipeline must be a mapping .* not 'notch'"),
        ({"blocks": [{"line_hz": 50.0}]}, "block 1 of the pipeline must be a mapping with a name"),
        (
            {"blocks": [{"block": "units"}, {"block": "bandpas"}]},
            r"block 2 \(bandpas\) .*one of artifact, bandpass, notch.* did you mean 'bandpass'",
        ),
        (
            {"blocks": [{"block": "bandpass", "low": 1.0}]},
            r"block 1 \(bandpass\) .* no setting 'low': did you mean 'low_hz'.* order\)",
        ),
        ({"blocks": [{"block": "notch"}]}, r"block 1 \(notch\) of the pipeline needs line_hz"),
        (
            {"blocks": [{"block": "bandpass", "low_hz": 1.0, "order": 4.0}]},
            r"order of block 1 \(bandpass\) .* must be a whole number, not 4.0",
        ),
        (
            {"blocks": [{"block": "select", "ch_names": "Oz"}]},
            r"ch_names of block 1 .* must be a list of text, not 'Oz'",
        ),
        (
            {"blocks": [{"block": "select", "ch_names": ["Oz", 1]}]},
            r"ch_names of block 1 .* must be text, not 1",
        ),
        (
            {"blocks": [{"block": "reference", "kind": "median"}]},
            r"kind of block 1 .* must be 'average' or 'channels' or 'none', not 'median'",
        ),
    ],
)
def test_a_specification_with_a_mistake_is_refused_with_its_place(
    spec: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        settings_from_spec(spec)
    assert "\n" not in str(refused.value)


# -- registry


def install(folder: Path, name: str, module: str, code: str) -> None:
    """Put a distribution with one block, called "plugged", on a folder of the import path."""
    info = folder / f"{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nplugged = {module}:Plugged\n")
    (folder / f"{module}.py").write_text(code)


PLUGGED = """
from dataclasses import dataclass
from saccade.realtime.types import Chunk

@dataclass(frozen=True)
class PluggedSettings:
    sizes: tuple[int, float]
    loud: bool = False

class Plugged:
    settings: PluggedSettings
    def __init__(self, settings): self.settings = settings
    def reset(self, spec): return spec
    def step(self, chunk): return Chunk(-chunk.data, chunk.stamps, chunk.flags, chunk.index)
    def delay_s(self, freq_hz): return 0.25
"""


def test_a_plug_in_is_a_block_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "acme-blocks", "acme_good", PLUGGED)
    monkeypatch.syspath_prepend(tmp_path)
    spec = {"blocks": [{"block": "plugged", "sizes": [2, 3], "loud": True}]}
    pipeline = Pipeline(settings_from_spec(spec))
    assert pipeline.settings.blocks[0][1].sizes == (2, 3.0)
    assert to_spec(pipeline.settings)["blocks"] == spec["blocks"]
    pipeline.reset(SPEC)
    data = np.random.default_rng(0).normal(0, 30, (50, 3)).astype(np.float32)
    chunk = Chunk(data, np.arange(50) / 500, np.zeros(50, np.uint16), 0)
    assert np.array_equal(pipeline.step(chunk).data, -data)
    assert pipeline.delay_ms() == 250.0
    assert pipeline.settling_s == 0.0
    for values in ({"sizes": [2]}, {"sizes": [2.5, 3]}, {"sizes": [2, 3], "loud": 1}):
        with pytest.raises(ConfigError, match=r"block 1 .* must be"):
            settings_from_spec({"blocks": [{"block": "plugged", **values}]})


def test_a_plug_in_that_fails_names_its_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "acme-blocks", "acme_bad", "raise OSError('no licence')")
    monkeypatch.syspath_prepend(tmp_path)
    message = r"acme_bad:Plugged of acme-blocks 1\.2 \(OSError: no licence\)"
    with pytest.raises(ConfigError, match=message) as refused:
        registry.load(GROUP, "plugged")
    assert isinstance(refused.value.__cause__, OSError)


def test_a_name_that_two_distributions_offer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("acme", "zenith"):
        (tmp_path / name).mkdir()
        install(tmp_path / name, name, f"{name}_block", PLUGGED)
        monkeypatch.syspath_prepend(tmp_path / name)
    with pytest.raises(ConfigError, match=r"offered by (acme|zenith) 1\.2 and (acme|zenith) 1\.2"):
        registry.load(GROUP, "plugged")


def test_names_are_listed_and_the_nearest_is_proposed() -> None:
    own = {"select", "units", "notch", "bandpass", "reference", "resample", "scale"}
    assert own <= set(registry.names(GROUP))
    assert registry.names(GROUP) == sorted(registry.names(GROUP))
    assert registry.load(GROUP, "bandpass") is Bandpass
    with pytest.raises(ConfigError, match=r"one of .*notch.* not 'noch': did you mean 'notch'\?"):
        registry.load(GROUP, "noch")
    with pytest.raises(ConfigError, match="expected one of nothing"):
        registry.load("saccade.nonsense", "x")
