"""What must hold after every fault, whatever its seed and however the samples come in.

1. Every sample is accounted for: received, less duplicates, and lost are what was sent.
2. What was decided before the fault is as it would have been, to the last bit.
3. From the recovery time on, epochs are what they would have been, to float32 rounding, and good.
4. Every marker makes exactly one epoch.
5. What was touched is flagged, and nothing else; a fault that harms nothing flags nothing.
6. What is kept without a flag is near to what it would have been.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from decoding import Outcome, Readings, decode, pieces, window
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from injection import FAULTS, FLAGS, HARMLESS, SFREQ, Session, injected, two_injected

from saccade.realtime.types import Flag

RAIL_UV = 1e5
KEPT = 0.1  # part of its peak-to-peak amplitude by which an epoch may differ that has no flag
PHANTOM = 175  # a clock set forward by 0.7 s reads as so many samples lost; see docs/faults.md


def run(session: Session, seed: int) -> Outcome:
    return decode(Readings(session, pieces(len(session.data), np.random.default_rng(seed))))


@pytest.mark.parametrize("name", FAULTS)
@given(seed=st.integers(0, 2**16))
@settings(max_examples=4, phases=[Phase.reuse, Phase.generate])  # a seed can't be made simpler
def test_after_a_fault(name: str, seed: int) -> None:
    clean, faulty = injected(name, seed)
    expected, got = run(clean, seed + 1), run(faulty, seed + 2)
    check_accounts(name, faulty, got)
    check_epochs((name,), faulty, expected, got)
    check_flags(name, expected, got)


TWO = [name for name in FAULTS if name not in (*HARMLESS, "jitter", "clock set forward by 0.7 s")]


@given(
    earlier=st.sampled_from([name for name in TWO if name != "restart"]),
    later=st.sampled_from(TWO),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=25, phases=[Phase.reuse, Phase.generate])
def test_after_two_faults(earlier: str, later: str, seed: int) -> None:
    clean, faulty = two_injected(earlier, later, seed)
    expected, got = run(clean, seed + 1), run(faulty, seed + 2)
    check_accounts(earlier, faulty, got)
    check_epochs((earlier, later), faulty, expected, got)


def check_accounts(name: str, faulty: Session, got: Outcome) -> None:
    counted, timing = got.summary["samples"], got.summary.get("timing", {})
    phantom = PHANTOM if name == "clock set forward by 0.7 s" else 0
    assert counted["received"] == len(faulty.data)
    unique = counted["received"] - timing.get("duplicates", 0)
    assert unique + counted["lost"] - phantom == faulty.n_sent
    assert set(got.epochs) == {marker.value for marker in faulty.markers}


def check_epochs(names: tuple[str, ...], faulty: Session, expected: Outcome, got: Outcome) -> None:
    harmless = set(names) <= set(HARMLESS)
    first, last = faulty.touched
    recovered = last + math.ceil(got.recovery_s * SFREQ) + 1
    measured = faulty.data[np.abs(faulty.data) < RAIL_UV]
    rounding = 2.0**-22 * float(np.abs(measured).max())  # a few last bits of what came in
    n_before = n_after = 0
    for value, epoch in expected.epochs.items():
        start, stop = window(epoch)
        found = got.epochs[value]
        if harmless or stop < first:
            n_before += 1
            assert np.array_equal(found.data, epoch.data)
            assert (found.flags, found.rejected) == (epoch.flags, epoch.rejected)
            if not epoch.rejected:
                scores = [run.predictions[value].ranking.scores for run in (got, expected)]
                assert np.array_equal(*scores)
        elif start > recovered:
            n_after += 1
            assert (found.flags, found.rejected) == (epoch.flags, epoch.rejected)
            assert np.abs(found.data - epoch.data).max() <= rounding
        elif not (found.flags or found.rejected or "jitter" in names):
            # Jitter may move a marker to the next sample, of which no stamp tells.
            assert np.abs(found.data - epoch.data).max() <= KEPT * np.ptp(epoch.data, axis=1).max()
    assert n_before >= 5
    assert n_after >= 5 or harmless


def check_flags(name: str, expected: Outcome, got: Outcome) -> None:
    wanted = FLAGS.get(name, Flag.NONE)
    assert expected.flags == Flag.SETTLING  # of the filters at the start
    assert wanted in got.flags
    # What is held for more than 20 ms ends in a gap.
    also = Flag.GAP if Flag.CLIPPED in wanted else Flag.NONE
    assert got.flags & ~(wanted | also | Flag.SETTLING) == Flag.NONE
