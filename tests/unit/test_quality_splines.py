"""Splines are MNE's, leaving one out is what it says, and names find their places."""

from __future__ import annotations

import mne
import numpy as np
import pytest

from saccade.realtime.quality import splines
from saccade.realtime.simulation.montage import CH_NAMES, positions

NAMES = CH_NAMES[::3]


@pytest.fixture(scope="module")
def places():
    return splines.directions(NAMES)


def mne_interpolation(places, bad):
    """Return how MNE makes a channel of the others: what it makes of unit signals."""
    n = len(places)
    names = [str(i) for i in range(n)]
    info = mne.create_info(names, 100.0, "eeg", verbose="error")
    where = dict(zip(names, 0.095 * places, strict=True))
    info.set_montage(mne.channels.make_dig_montage(where, coord_frame="head"))
    raw = mne.io.RawArray(np.eye(n), info, verbose="error")
    raw.info["bads"] = [names[bad]]
    raw.interpolate_bads(origin=(0, 0, 0), verbose="error")
    return raw.get_data()[bad]


def test_leaving_one_out_is_what_mne_makes_of_the_others(places):
    found = splines.leave_one_out(places)
    for bad in (0, 7, len(places) - 1):
        assert found[bad] == pytest.approx(mne_interpolation(places, bad), abs=1e-9)


def test_splines_through_a_few_of_many_share_green_s_function(places):
    drawn = np.array([2, 5, 11, 3])
    found = splines.weights_among(splines.green(places), drawn)
    assert found == pytest.approx(splines.weights(places[drawn], places), abs=1e-12)


def test_leaving_one_out_is_the_spline_through_the_others(places):
    found = splines.leave_one_out(places)
    for left_out in range(len(places)):
        others = np.arange(len(places)) != left_out
        slow = splines.weights(places[others], places[[left_out]])[0]
        assert found[left_out, others] == pytest.approx(slow, abs=1e-10)
        assert found[left_out, left_out] == 0


def test_bad_channels_say_nothing_but_are_predicted(places):
    good = np.ones(len(places), bool)
    good[[2, 5]] = False
    found = splines.predictors(places, good)
    assert (found[:, ~good] == 0).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(len(places)))
    assert found[2, good] == pytest.approx(splines.weights(places[good], places[[2]])[0])
    others = good & (np.arange(len(places)) != 0)
    assert found[0, others] == pytest.approx(splines.weights(places[others], places[[0]])[0])


def test_many_splines_at_once_are_each_its_own(places):
    draws = np.array([[0, 3, 5, 9, 12], [1, 2, 8, 10, 20]])
    together = splines.weights(places[draws], places)
    for draw, found in zip(draws, together, strict=True):
        assert found == pytest.approx(splines.weights(places[draw], places), abs=1e-9)


def test_a_smooth_field_is_predicted():
    field = positions() @ [0.3, -0.5, 0.8]
    predicted = splines.leave_one_out(positions()) @ field
    assert np.corrcoef(field, predicted)[0, 1] > 0.98


def test_names_find_their_places_however_they_are_spelt():
    asked = ("Cz", "EEG Fp1-Ref", "FC5.", " o2", "T3", "M1", "nothing", "S2")
    found = splines.directions(asked)
    assert found[:6] == pytest.approx(splines.directions(("Cz", "Fp1", "FC5", "O2", "T7", "TP9")))
    assert np.linalg.norm(found[:6], axis=1) == pytest.approx(np.ones(6))
    assert np.isnan(found[6:]).all()
    assert found[0] == pytest.approx([0, 0, 1], abs=0.01)
    assert splines.directions(()).shape == (0, 3)


def test_places_lie_in_the_same_directions_as_on_the_simulated_cap():
    around = [np.arctan2(p[:, 1], p[:, 0]) for p in (splines.directions(CH_NAMES), positions())]
    apart = np.degrees(np.angle(np.exp(1j * (around[0] - around[1]))))
    assert np.abs(np.delete(apart, CH_NAMES.index("Cz"))).max() < 12
