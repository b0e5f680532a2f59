"""The simulated cap and head: the standard's positions, and MNE's potentials."""

from __future__ import annotations

import mne
import numpy as np
import pytest

from saccade.realtime.simulation.leadfield import BRAIN_RADIUS_MM, HEAD_RADIUS_MM, leadfield
from saccade.realtime.simulation.montage import CH_NAMES, positions
from saccade.realtime.types import Float64


@pytest.fixture(autouse=True)
def quiet_mne() -> None:
    mne.set_log_level("error")


def places(n: int = 40) -> Float64:
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.asarray(directions * rng.uniform(5, 0.95 * BRAIN_RADIUS_MM, (n, 1)))


def test_the_cap_is_that_of_things_eeg2_with_fz() -> None:
    assert len(CH_NAMES) == len(set(CH_NAMES)) == 64
    assert (CH_NAMES[0], CH_NAMES[4], CH_NAMES[46], CH_NAMES[62]) == ("Fp1", "AFz", "P7", "O2")
    assert CH_NAMES[63] == "Fz"


def test_electrodes_are_where_the_10_10_system_has_them() -> None:
    known = mne.channels.make_standard_montage("easycap-M1").get_positions()["ch_pos"]
    standard = np.stack([known[name] for name in CH_NAMES])
    standard /= np.linalg.norm(standard, axis=1, keepdims=True)
    np.testing.assert_allclose(positions(), standard, atol=1e-6)


def test_agrees_with_the_sphere_model_of_mne() -> None:
    at_m = positions() * HEAD_RADIUS_MM / 1e3
    montage = mne.channels.make_dig_montage(
        dict(zip(CH_NAMES, at_m, strict=True)), coord_frame="head"
    )
    info = mne.create_info(list(CH_NAMES), 250.0, "eeg").set_montage(montage)
    sphere = mne.make_sphere_model(r0=(0, 0, 0), head_radius=HEAD_RADIUS_MM / 1e3)
    normals = np.tile([0.0, 0.0, 1.0], (40, 1))
    grid = mne.setup_volume_source_space(pos={"rr": places() / 1e3, "nn": normals}, sphere=sphere)
    forward = mne.make_forward_solution(info, None, grid, sphere, meg=False, eeg=True, mindist=0)
    uv_per_nam = 1e6 * 1e-9 * forward["sol"]["data"].reshape(64, 40, 3).transpose(1, 2, 0)
    ours = leadfield(places())
    assert np.abs(ours).max() > 0.1
    np.testing.assert_allclose(ours, uv_per_nam, atol=1e-6 * np.abs(uv_per_nam).max())


def test_a_mirrored_dipole_has_the_mirrored_map() -> None:
    mirror = np.array([-1.0, 1.0, 1.0])
    at = positions() * mirror
    partner = np.square(at[:, None] - positions()).sum(axis=-1).argmin(axis=1)
    here, there = leadfield(places()), leadfield(places() * mirror)
    np.testing.assert_allclose(there[:, :, partner], here * mirror[:, None], atol=1e-12)


def test_current_outwards_is_positive_above_and_weaker_from_the_deep() -> None:
    oz = positions()[CH_NAMES.index("Oz")]
    shallow, deep = np.einsum("nxc,x->nc", leadfield(np.array([[70.0], [35.0]]) * oz), oz)
    assert CH_NAMES[shallow.argmax()] == CH_NAMES[deep.argmax()] == "Oz"
    assert shallow.max() > 2 * deep.max() > 0
