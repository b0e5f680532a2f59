"""Every command, there and back; what the session refuses is the client's error."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from saccade.realtime.control import requests
from saccade.realtime.control.client import ControlClient
from saccade.realtime.control.requests import Prepared
from saccade.realtime.errors import ControlError, SignatureMismatch


def test_every_command_reaches_the_engine_and_its_answer_the_client(session: Any) -> None:
    with session() as running, ControlClient("test", folder=running.folder) as client:
        assert client.name == "test"
        client.pause()
        assert client.status()["paused"] is True
        client.resume()
        status = client.status()
        assert (status["paused"], status["stream"]) == (False, "amp")
        assert status["commands"] == {"pause": 1, "resume": 1}
        client.reset()
        stamp_s = client.mark("a cough, perhaps")
        mark = running.told.commands[-1]
        assert mark["value"] == "a cough, perhaps"
        assert mark["index"] == pytest.approx(100 * stamp_s + 1)
        client.stop()
        assert [c["do"] for c in running.told.commands] == [
            *("pause", "resume", "reset", "mark", "stop")
        ]


def test_the_only_session_needs_no_name(session: Any) -> None:
    with session() as running, ControlClient(folder=running.folder) as client:
        assert client.name == "test"


def test_after_the_end_nobody_answers(session: Any) -> None:
    with session() as running:
        client = ControlClient(folder=running.folder)
        client.stop()
    with client, pytest.raises(ControlError, match=r"has ended|hung up"):
        client.status()
    with pytest.raises(ControlError, match="no session runs here"):
        ControlClient(folder=running.folder)


def test_the_answer_to_stop_arrives_however_soon_the_session_is_over(session: Any) -> None:
    for _ in range(5):
        with session() as running, ControlClient(folder=running.folder) as client:
            client.stop()


def test_what_the_engine_refuses_the_client_is_told(session: Any) -> None:
    def prepare(path: Path) -> Prepared:
        raise SignatureMismatch(f"{path.name} does not fit the running session: rate 250 Hz")

    with session(prepare) as running, ControlClient(folder=running.folder) as client:
        with pytest.raises(ControlError, match=r"^me.saccade does not fit the running session: ra"):
            client.swap("me.saccade")
        assert client.status()["predictions"] >= 0  # the conversation goes on


def test_a_decoder_is_verified_while_decoding_goes_on(session: Any) -> None:
    verifying, verified = threading.Event(), threading.Event()

    class Other:
        names = ("House", "Face")
        decode: Any = None

    def prepare(path: Path) -> Prepared:
        verifying.set()
        assert verified.wait(20)
        return Prepared(Other(), None, {"file": str(path), "decoder_sha256": "ab12"})

    with session(prepare, decoder_sha256="cd34") as running:
        answers: list[dict[str, Any]] = []

        def swap() -> None:
            with ControlClient(folder=running.folder) as one:
                answers.append(one.swap("other.saccade"))

        swapping = threading.Thread(target=swap)
        swapping.start()
        assert verifying.wait(20)
        with ControlClient(folder=running.folder) as client:
            before = client.status()
            assert before["decoder_sha256"] == "cd34"
            while client.status()["predictions"] == before["predictions"]:
                pass
            with pytest.raises(ControlError, match="another decoder is being verified: wait"):
                client.swap("third.saccade")
            client.pause()  # the new decoder of this test can't decode
            verified.set()
            swapping.join(20)
            assert client.status()["decoder_sha256"] == "ab12"
        whole = str(Path("other.saccade").absolute())
        assert answers == [{"file": whole, "decoder_sha256": "ab12"}]
        assert running.told.commands[-1]["file"] == whole


def test_a_bug_in_what_reads_decoders_ends_nothing(
    session: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def prepare(path: Path) -> Prepared:
        raise ZeroDivisionError("oops")

    with session(prepare) as running, ControlClient(folder=running.folder) as client:
        with pytest.raises(ControlError, match="x can't be verified: ZeroDivisionError: oops"):
            client.swap("x")
        assert client.status()["paused"] is False
    assert "a decoder could not be verified" in caplog.text


def test_where_nothing_reads_decoders_none_is_swapped(session: Any) -> None:
    with (
        session() as running,
        ControlClient(folder=running.folder) as client,
        pytest.raises(ControlError, match="in this session no decoder can be swapped"),
    ):
        client.swap("x")


@pytest.mark.parametrize("value", ["", " x", "x\n", "a\nb", "\x00", "x" * 257, "\ud800", "\t"])
def test_a_mark_that_is_no_marker_is_refused(session: Any, value: str) -> None:
    with (
        session() as running,
        ControlClient(folder=running.folder) as client,
        pytest.raises(ControlError, match="a mark"),
    ):
        client.mark(value)


def test_what_a_held_up_loop_does_not_take_up_is_withdrawn(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "ANSWER_S", 0.1)
    with session() as running, ControlClient(folder=running.folder) as client:
        running.held.set()
        with pytest.raises(ControlError, match=r"has not taken up .* and it is withdrawn"):
            client.mark("too late")
        running.held.clear()
        client.mark("in time")
        assert [c["value"] for c in running.told.commands] == ["in time"]


def test_a_full_queue_refuses(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "ANSWER_S", 0.5)
    with session() as running, ControlClient(folder=running.folder) as client:
        running.held.set()
        commands = running.server._commands
        waiting = [commands.submit(lambda _: {}) for _ in range(64)]
        with pytest.raises(ControlError, match="64 commands wait already: is the session held up"):
            client.pause()
        running.held.clear()
        waiting[-1].result(20)
        client.pause()


def test_a_client_gives_up_on_a_session_that_does_not_answer(session: Any) -> None:
    with session() as running:
        client = ControlClient(folder=running.folder, timeout_s=0.2)
        running.held.set()
        with pytest.raises(ControlError, match=r"has not answered for 0.2 s: is it held up"):
            client.status()
        running.held.clear()
        with pytest.raises(ControlError, match="hung up"):  # out of step, so it is over
            client.status()
