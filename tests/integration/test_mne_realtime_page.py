"""docs/mne-realtime.md: every line of it runs, and what it says of mne-realtime 0.3 is so."""

from __future__ import annotations

import contextlib
import re
import threading
import warnings
from pathlib import Path

import mne
import numpy as np
import pytest

pytestmark = pytest.mark.lsl

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mne-realtime.md"
SFREQ, SECONDS = 250.0, 8.0
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "MNE-realtime is discontinued", FutureWarning)
    import mne_realtime


@pytest.fixture
def recording(tmp_path):
    """Write a run of noise with a marker every 0.6 s."""
    n = int(SECONDS * SFREQ)
    data = np.random.default_rng(0).normal(0.0, 8.0, (n, 4)).astype(np.float32)
    stim = np.zeros(n, np.int16)
    stim[150::150] = 1 + np.arange(len(stim[150::150])) % 2
    path = tmp_path / "run.npz"
    np.savez(path, data=data, stim=stim, sfreq=SFREQ, unit="uV", ch_names=["C3", "C4", "O1", "O2"])
    return path


@pytest.fixture
def meg(fieldtrip_buffer):
    """Start a FieldTrip buffer that is written to, event by event, until the test is over."""
    server = fieldtrip_buffer()
    server.put_header(1000.0, ("MEG0111", "MEG0112", "EEG001", "STI101"))
    over = threading.Event()

    def write():
        while not over.wait(0.02):
            server.put_event(server.n_samples + 5, "trigger", np.int32(1))
            server.put_data(np.random.default_rng(0).normal(0.0, 1e-5, (20, 4)))

    sender = threading.Thread(target=write)
    sender.start()
    yield server
    over.set()
    sender.join()


def test_every_line_of_the_page_runs(stream_name, recording, meg, capsys):
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == page.count("```python") == 8
    names = {
        '"Muse': f'"{stream_name}',
        '"run.npz"': repr(str(recording)),
        '"localhost"': '"127.0.0.1"',
        "1972": str(meg.port),
    }
    namespace = {}
    try:
        for number, block in enumerate(blocks):
            for name, stand_in in names.items():
                block = block.replace(name, stand_in)
            exec(compile(block, f"{PAGE.name}, block {number}", "exec"), namespace)
    finally:
        namespace.get("stop", threading.Event()).set()
    assert namespace["data"].shape[0] >= SFREQ
    assert all(epoch.data.shape == (4, 175) for epoch in namespace["good"])
    # The last one comes out only at the end, incomplete.
    assert len(namespace["offline"]) == 12
    assert {epoch.marker for epoch in namespace["offline"]} == {"1", "2"}
    assert np.array_equal(namespace["filtered"].shape, namespace["data"].shape)
    assert namespace["trigger"] == 20
    assert namespace["spec"].ch_types == ("mag", "grad", "eeg", "stim")
    assert namespace["markers"][0].value == "1"
    assert "('mag', 'T')" in capsys.readouterr().out


def raw():
    data = np.random.default_rng(0).normal(0.0, 1e-5, (2, 3000))
    data[1] = 0
    data[1, 500:2500:300] = 1
    return mne.io.RawArray(data, mne.create_info(["Cz", "STI"], 100.0, ["eeg", "stim"]))


def test_rt_epochs_average_but_hand_out_nothing_and_do_not_stop():
    client = mne_realtime.MockRtClient(raw())
    epochs = mne_realtime.RtEpochs(client, 1, -0.2, 0.5, stim_channel="STI", picks=[0])
    epochs.start()
    client.send_data(epochs, None, 0, 20, buffer_size=50)
    assert epochs.average().nave == 5
    with pytest.raises(TypeError, match="exclude"):
        epochs.get_data()
    with pytest.raises(AttributeError, match="stop"):
        epochs.stop()


def test_lsl_client_can_not_connect(stream_name, outlet, capsys):
    with (
        outlet(stream_name, source_id=stream_name),
        pytest.raises(RuntimeError, match="Could not connect"),
        contextlib.ExitStack() as stack,
    ):
        stack.enter_context(mne_realtime.LSLClient(host=stream_name, wait_max=3))
    assert "module 'pylsl' has no attribute 'pylsl'" in capsys.readouterr().out


def test_field_trip_client_reads_some_names_and_survives_no_end(fieldtrip_buffer):
    def client(name):
        server = fieldtrip_buffer()
        server.put_header(100.0, (name,))
        server.put_data(np.zeros((100, 1)))
        return server, mne_realtime.FieldTripClient(host="127.0.0.1", port=server.port, wait_max=5)

    _, other = client("Cz")
    with (
        pytest.raises(ValueError, match=r"invalid literal for int.*'Cz'"),
        pytest.warns(RuntimeWarning, match="Info dictionary not provided"),
        other,
    ):
        pass
    other.ft_client.disconnect()
    server, known = client("EEG 001")
    with pytest.warns(RuntimeWarning, match="Info dictionary not provided"):
        known.__enter__()
    assert known.get_data_as_epoch(n_samples=10).get_data(copy=False).shape == (1, 1, 10)
    server.close()
    spinning = threading.Thread(target=_ask, args=(known,), daemon=True)
    spinning.start()
    spinning.join(0.5)
    assert spinning.is_alive()  # it asks a closed socket again and again
    known.ft_client.sock.close()  # which ends it
    spinning.join(10.0)
    assert not spinning.is_alive()


def _ask(client):
    with contextlib.suppress(OSError):
        client.get_data_as_epoch(n_samples=10)


def test_filters_of_segments_still_work():
    from mne_realtime.rt_filter import apply_filter, calc_band_filters

    bank = calc_band_filters([[8, 12]], 250)
    assert apply_filter(np.zeros((2, 250)), bank, 250).shape == (2, 1, 250)
