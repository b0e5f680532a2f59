"""Shared by all tests: LSL kept on this computer, real data found or skipped."""

from __future__ import annotations

import importlib.util
import json
import os
import uuid
from pathlib import Path

import hypothesis
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"

# A shared machine may stop for a moment anywhere; what an example costs is not the point here.
hypothesis.settings.register_profile("saccade", deadline=None, print_blob=True)
hypothesis.settings.load_profile("saccade")

# Before pylsl is imported anywhere: streams of the tests stay on loopback.
os.environ["LSLAPICFG"] = str(ROOT / "tests" / "lsl_api.cfg")
# Before Qt is: it ends the whole process where it finds no screen.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side, keep those with streams in one process, after each other."""
    for item in items:
        if item.get_closest_marker("lsl"):
            item.add_marker(pytest.mark.xdist_group("lsl"))


@pytest.fixture
def stream_name(request: pytest.FixtureRequest) -> str:
    """Return a name no other test or run uses."""
    return f"{request.node.name[:40]}-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of public recordings beside the project."""
    if not SHARED.is_dir():
        pytest.skip(f"the public recordings are not beside the project ({SHARED})")
    return SHARED


class ArraySource:
    """A source that hands out an array in given pieces, each marker with a given piece."""

    def __init__(self, spec, data, stamps, markers=(), sizes=None, arrivals=None):  # type: ignore[no-untyped-def]
        from saccade.realtime.types import Chunk, Reading

        sizes = [len(data)] if sizes is None else sizes
        arrivals = [0] * len(markers) if arrivals is None else arrivals
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        self.spec = spec
        self.opened = self.closed = 0
        self.readings = [
            Reading(
                Chunk(
                    data[start : start + size].copy(),
                    stamps[start : start + size].copy(),
                    np.zeros(size, np.uint16),
                    start,
                ),
                tuple(
                    m for m, a in zip(markers, arrivals, strict=True) if min(a, len(sizes) - 1) == i
                ),
            )
            for i, (start, size) in enumerate(zip(starts, sizes, strict=True))
        ]

    def open(self):  # type: ignore[no-untyped-def]
        self.opened += 1
        self._left = list(self.readings)
        return self.spec

    def read(self, timeout_s):  # type: ignore[no-untyped-def]
        del timeout_s
        return self._left.pop(0) if self._left else None

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(scope="session")
def array_source() -> type[ArraySource]:
    """Return the class of a source that hands out an array in given pieces."""
    return ArraySource


@pytest.fixture
def fieldtrip_buffer():  # type: ignore[no-untyped-def]
    """Return what starts a FieldTrip buffer; all are closed after the test."""
    spec = importlib.util.spec_from_file_location(
        "fieldtrip_server", ROOT / "tests" / "fieldtrip_server.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    started = []

    def start(**settings):  # type: ignore[no-untyped-def]
        started.append(module.FieldTripBuffer(**settings))
        return started[-1]

    yield start
    for server in started:
        server.close()


TINY_CLIP = {  # the smallest that has every part
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Announce the model ``saccade-tiny`` to open_clip; return a file of random weights for it."""
    import torch

    from saccade.models.galleries.clip import import_open_clip

    open_clip = import_open_clip()
    folder = tmp_path_factory.mktemp("clip")
    (folder / "saccade-tiny.json").write_text(json.dumps(TINY_CLIP), encoding="utf-8")
    open_clip.add_model_config(folder / "saccade-tiny.json")
    torch.manual_seed(0)
    model = open_clip.create_model("saccade-tiny")
    torch.save(model.state_dict(), folder / "tiny.pt")
    return folder / "tiny.pt"
