"""What a FieldTrip header says, what it leaves to be told, and what is refused."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import mne
import numpy as np
import pytest

from saccade.realtime.errors import SignatureMismatch, SourceError
from saccade.realtime.sources.fieldtrip.header import NEUROMAG, NIFTI, RESOLUTIONS, describe

INT16, FLOAT32 = 6, 9


def header(names, sfreq=1000.0, n_channels=None, dtype=FLOAT32, **chunks):
    kinds = {"resolutions": RESOLUTIONS, "nifti": NIFTI, "neuromag": NEUROMAG}
    return SimpleNamespace(
        nChannels=len(names) if n_channels is None else n_channels,
        fSample=sfreq,
        dataType=dtype,
        labels=list(names),
        chunks={kinds[kind]: content for kind, content in chunks.items()},
    )


def test_names_tell_the_types_and_units_of_a_neuromag_system():
    names = ("MEG0111", "MEG 0112", "MEG0113", "EEG001", "EOG061", "ECG063", "STI101", "MISC001")
    spec, resolution = describe(header(names), "here")
    assert spec.ch_types == ("mag", "grad", "grad", "eeg", "eog", "ecg", "stim", "misc")
    assert spec.units == ("T", "T/m", "T/m", "V", "V", "V", "", "")
    assert resolution is None
    assert (spec.name, spec.sfreq, spec.source_id) == ("here", 1000.0, "here")


def test_names_tell_the_types_of_a_ctf_system_but_not_the_unit_of_its_eeg():
    names = ("MLC11-606", "MZO01", "BG1-606", "P12", "EEG057", "UPPT001", "HLC0011")
    spec, _ = describe(header(names), "here")
    assert spec.ch_types == ("mag", "mag", "ref_meg", "ref_meg", "eeg", "stim", "misc")
    assert spec.units == ("T", "T", "T", "T", "", "", "")


def test_p1_is_an_electrode_where_there_is_no_ctf_system():
    spec, _ = describe(header(("Cz", "p1", "VEOG", "T3")), "here")
    assert spec.ch_types == ("eeg", "eeg", "eog", "eeg")
    assert spec.units == ("", "", "", "")  # which unit, somebody has to say


def test_names_that_say_nothing_are_misc_and_said(caplog):
    spec, _ = describe(header(("Cz", "foo", "bar")), "here")
    assert spec.ch_types == ("eeg", "misc", "misc")
    assert "2 channels of here have names that say nothing" in caplog.text
    assert "foo, bar" in caplog.text


def test_a_neuromag_header_says_what_each_channel_is(tmp_path):
    info = mne.create_info(
        ["A1", "A2", "Cz", "STI101", "x"], 600.0, ["mag", "grad", "eeg", "stim", "chpi"]
    )
    mne.io.write_info(tmp_path / "h.fif", info)
    content = (tmp_path / "h.fif").read_bytes()
    spec, _ = describe(header(info.ch_names, neuromag=content), "here")
    assert spec.ch_types == ("mag", "grad", "eeg", "stim", "misc")
    assert spec.units == ("T", "T/m", "V", "", "")


def test_a_neuromag_header_that_cannot_be_read_leaves_it_to_the_names(caplog):
    spec, _ = describe(header(("MEG0111", "EEG001"), neuromag=b"no FIF"), "here")
    assert spec.ch_types == ("mag", "eeg")
    assert "can't be read, so that names tell" in caplog.text


def test_whole_numbers_have_a_resolution_in_microvolts():
    content = struct.pack("3d", 0.1, 0.5, 1.0)
    spec, resolution = describe(
        header(("Cz", "EOG", "MISC1"), dtype=INT16, resolutions=content), ""
    )
    assert spec.units == ("uV", "uV", "")
    assert resolution is not None
    assert np.array_equal(resolution, [0.1, 0.5, 1.0])


@pytest.mark.parametrize(("factor", "unit"), [(1.0, "uV"), (0.1, "")])
def test_fractions_are_not_scaled_and_their_unit_is_known_only_at_resolution_one(factor, unit):
    spec, resolution = describe(header(("Cz",), resolutions=struct.pack("d", factor)), "")
    assert (spec.units, resolution) == ((unit,), None)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_a_resolution_that_is_none_is_refused(bad):
    with pytest.raises(SourceError, match="expected resolutions above 0"):
        describe(header(("Cz",), dtype=INT16, resolutions=struct.pack("d", bad)), "")


def test_names_can_be_given():
    spec, _ = describe(header((), n_channels=2), "here", ("Cz", "Pz"))
    assert (spec.ch_names, spec.ch_types) == (("Cz", "Pz"), ("eeg", "eeg"))
    with pytest.raises(SignatureMismatch, match="each of the 2 channels of here, but 1 were given"):
        describe(header((), n_channels=2), "here", ("Cz",))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (header((), n_channels=81920, nifti=b""), r"volumes of 81920 voxels \(fMRI\)"),
        (header(("Cz",), sfreq=0.0), "1 channels at 0 Hz: is the acquisition set up"),
        (header(("Cz",), sfreq=np.nan), "1 channels at nan Hz"),
        (header((), n_channels=0), "0 channels at 1000 Hz"),
        (header(("Cz", "Pz", "Cz")), "but Cz occurs more than once"),
        (header(("1", "2")), r"none of its 2 names is that of one \(1, 2\).*--ch-names"),
        (header((), n_channels=2), r"none of its 2 names is that of one \(1, 2\)"),
    ],
)
def test_what_can_not_be_decoded_is_refused(made, message):
    with pytest.raises(SourceError, match=message):
        describe(made, "here")
