"""Where sensors are: the head's geometry, old and foreign spellings, names nobody knows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.models.encoders.positions import head_positions, unit_square
from saccade.realtime.errors import ConfigError

CAP = ("Fp1", "Fp2", "T7", "C3", "Cz", "C4", "T8", "TP9", "P7", "P8", "O1", "Oz", "O2", "Iz")


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [("Cz", 0.5, 0.5), ("T7", 0.1, 0.5), ("T8", 0.9, 0.5), ("Fpz", 0.5, 0.9), ("Oz", 0.5, 0.1),
     ("C3", 0.3, 0.5), ("Iz", 0.5, 0.0)],
)  # fmt: skip
def test_the_rings_of_the_ten_twenty_system_are_circles_about_the_vertex(
    name: str, x: float, y: float
) -> None:
    np.testing.assert_allclose(unit_square([name]), [[x, y]], atol=1e-3)


@given(st.permutations(CAP))
def test_an_electrode_has_one_place_whichever_others_are_there(names: list[str]) -> None:
    alone = np.concatenate([unit_square([name]) for name in names])
    np.testing.assert_array_equal(unit_square(names), alone)


def test_left_mirrors_right() -> None:
    left, right = (
        unit_square(["Fp1", "C3", "P7", "O1"]),
        unit_square(["Fp2", "C4", "P8", "O2"]),
    )
    np.testing.assert_allclose(left * [-1, 1] + [1, 0], right, atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new"),
    [("T3", "T7"), ("t4", "T8"), ("T5", "P7"), ("T6", "P8"), ("M1", "TP9"), ("FP1", "Fp1"),
     ("poZ", "POz"), ("MLC11-1609", "mlc11"), ("MEG0113", "MEG 0113")],
)  # fmt: skip
def test_spellings_of_one_sensor_share_a_place(old: str, new: str) -> None:
    np.testing.assert_array_equal(unit_square([old]), unit_square([new]))


def test_a_helmet_fills_the_square_with_the_forehead_at_the_top() -> None:
    front, back, left, right = unit_square(["MZF01", "MZO03", "MLT14", "MRT14"])
    assert front[1] > 0.8
    assert back[1] < 0.2
    assert left[0] < 0.2
    assert right[0] > 0.8


def test_a_given_place_precedes_the_name() -> None:
    given = {"cz": (0.25, 0.75), "mine": (0, 1)}
    np.testing.assert_array_equal(
        unit_square(["Cz", "Mine"], given), np.float32([[0.25, 0.75], [0, 1]])
    )
    np.testing.assert_allclose(unit_square(["Cz"]), [[0.5, 0.5]])


@pytest.mark.parametrize("place", [(0.5, 1.2), (float("nan"), 0.5), (0.1, 0.2, 0.3)])
def test_a_given_place_outside_the_square_is_refused(place: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match=r"position of Q1 must be \(x, y\), both 0 to 1"):
        unit_square(["Q1"], {"Q1": place})


def test_unknown_sensors_are_named() -> None:
    with pytest.raises(ConfigError, match=r"2 of 3 names .*: Right AUX, Fp1-F7; rename"):
        unit_square(["Right AUX", "Cz", "Fp1-F7"])
    with pytest.raises(ConfigError, match="10-05 system, but MLC11 came"):
        head_positions(["Cz", "MLC11"])
    with pytest.raises(ConfigError, match="at least 1 channel name"):
        unit_square([])


def test_electrodes_lie_on_a_sphere_of_95_mm() -> None:
    where = head_positions(CAP)
    np.testing.assert_allclose(np.linalg.norm(where, axis=1), 0.095, atol=1e-4)
    np.testing.assert_allclose(where[CAP.index("Cz")], [0, 0, 0.095], atol=1e-4)
