"""The control socket among strangers: nothing they send is obeyed, and nothing holds it up."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from saccade.realtime.control import server
from saccade.realtime.control.client import ControlClient
from saccade.realtime.control.connection import Connection, NotTheSession
from saccade.realtime.control.wire import LARGEST_LINE, proof
from saccade.realtime.errors import ControlError

KNOW = {"error": "the token of this session must be known to command it"}


class Touch:
    """What a pickle would create if it were ever read."""

    def __init__(self, path: Any) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def assert_it_still_obeys(running: Any) -> None:
    with ControlClient(folder=running.folder) as client:
        client.mark("still there")
        assert running.told.commands[-1]["value"] == "still there"


def assert_nothing_was_obeyed(running: Any) -> None:
    assert running.told.commands == []
    assert_it_still_obeys(running)


def test_a_wrong_token_is_refused_in_one_sentence(session: Any) -> None:
    with session() as running:
        with running.client(token="0" * 64) as stranger:
            assert stranger.answer == KNOW
            assert stranger.receive() is None  # and hung up
        assert_nothing_was_obeyed(running)


@pytest.mark.parametrize(
    "said",
    [
        {"do": "stop"},
        {"nonce": "c" * 64},
        {"nonce": "c" * 64, "proof": ""},
        {"nonce": "c" * 64, "proof": None},
        {"nonce": "\ud800" * 64, "proof": "\ud800"},
        {"nonce": 1, "proof": True},
        {"nonce": "", "proof": "0" * 64},
        {"token": "0" * 64, "do": "stop"},
    ],
)
def test_without_a_proof_nobody_is_obeyed(session: Any, said: dict[str, Any]) -> None:
    with session() as running:
        with running.client(token="0" * 64):
            pass
        with running.socket() as line:
            line.sendall(json.dumps(said).encode() + b'\n{"do": "stop"}\n')
            with line.makefile("rb") as answers:
                greeting, answer, *rest = [json.loads(a) for a in answers]
        assert set(greeting) == {"saccade", "nonce"}  # it tells nothing of itself
        assert answer == KNOW
        assert rest == []
        assert_nothing_was_obeyed(running)


def test_an_overheard_proof_proves_nothing_later(session: Any) -> None:
    with session() as running:
        with running.socket() as line, line.makefile("rb") as answers:
            nonce = json.loads(answers.readline())["nonce"]
            overheard = {
                "nonce": "c" * 64,
                "proof": proof(running.token, "client", nonce, "c" * 64),
            }
            line.sendall(json.dumps(overheard).encode() + b"\n")
            assert "proof" in json.loads(answers.readline())
        with running.socket() as line, line.makefile("rb") as answers:
            answers.readline()
            line.sendall(json.dumps(overheard).encode() + b"\n")
            assert json.loads(answers.readline()) == KNOW


def test_one_proof_of_the_server_is_not_taken_for_one_of_a_client(session: Any) -> None:
    with session() as running:
        with running.client() as friend:
            thrown_back = friend.answer["proof"]
        with running.socket() as line, line.makefile("rb") as answers:
            answers.readline()
            said = {"nonce": "c" * 64, "proof": thrown_back}
            line.sendall(json.dumps(said).encode() + b"\n")
            assert json.loads(answers.readline()) == KNOW


def test_a_client_does_not_trust_who_does_not_know_the_token(session: Any) -> None:
    with session() as running, pytest.raises(NotTheSession):
        Connection(running.server.port, "0" * 64, 20.0)


@pytest.mark.parametrize("known", [False, True])
def test_a_huge_line_is_refused_and_hung_up_on(session: Any, known: bool) -> None:
    with session() as running:
        with running.client(None if known else "0" * 64) if known else running.socket() as caller:
            line = caller.socket if known else caller
            with contextlib.suppress(ConnectionError):
                line.sendall(b"x" * (4 * LARGEST_LINE))
            answers = caller.file if known else line.makefile("rb")
            *_, last = [json.loads(answer) for answer in answers]
            assert last == {"error": f"a line must have at most {LARGEST_LINE} bytes"}
            answers.close()
        assert_nothing_was_obeyed(running)


@pytest.mark.parametrize("seed", range(4))
def test_garbage_is_refused(session: Any, seed: int) -> None:
    with session() as running:
        with running.socket() as line:
            with contextlib.suppress(ConnectionError):
                line.sendall(random.Random(seed).randbytes(5000) + b"\n")
            with line.makefile("rb") as answers:
                _, answer = [json.loads(a) for a in answers]
        assert "error" in answer
        assert_nothing_was_obeyed(running)


def test_a_web_page_gets_nowhere(session: Any) -> None:
    with session() as running:
        with running.socket() as line:
            line.sendall(b'POST / HTTP/1.1\r\nHost: localhost\r\n\r\n{"do": "stop"}\n')
            with line.makefile("rb") as answers:
                _, answer = [json.loads(a) for a in answers]
        assert answer["error"].startswith("a line must be one JSON object")
        assert_nothing_was_obeyed(running)


@pytest.mark.parametrize("known", [False, True])
def test_a_pickle_is_never_read(session: Any, known: bool) -> None:
    with session() as running:
        trap = running.folder / "trapped"
        poison = pickle.dumps(Touch(trap), protocol=0).replace(b"\n", b" ") + b"\n"
        if known:
            with running.client() as friend:
                friend.send(pickle.dumps(Touch(trap)) + b"\n" + poison)
                assert "a line must be one JSON object" in friend.receive()["error"]
        else:
            with running.socket() as line:
                line.sendall(pickle.dumps(Touch(trap)) + b"\n")
                with line.makefile("rb") as answers:
                    assert b"error" in answers.read()
        assert not trap.exists()
        assert_nothing_was_obeyed(running)


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        ({}, "'do' must be one of status, pause"),
        ({"do": "sudo"}, "'do' must be one of"),
        ({"do": ["stop"]}, "'do' must be one of"),
        ({"do": "__class__"}, "'do' must be one of"),
        ({"do": "mark"}, "'mark' needs a text as 'value', not None"),
        ({"do": "mark", "value": 5}, "'mark' needs a text as 'value', not 5"),
        ({"do": "stop", "value": "now"}, "'stop' takes no value, but 'now' came"),
        ({"do": "stop", "speed": 1}, "a request has 'do' and 'value', not speed"),
        ({"do": "swap", "value": "../x"}, "in this session no decoder can be swapped"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_and_the_next_is_not(
    session: Any, request_: dict[str, Any], refusal: str
) -> None:
    with session() as running, running.client() as friend:
        assert refusal in friend.ask(request_)["error"]
        assert friend.ask({"do": "pause"}) == {"ok": True}
        assert running.told.commands[-1]["do"] == "pause"


def test_a_relative_path_is_refused_where_decoders_are_read(session: Any) -> None:
    with session(lambda path: None) as running, running.client() as friend:
        answer = friend.ask({"do": "swap", "value": "x.saccade"})
        assert answer == {"error": "the decoder's whole path is expected, not 'x.saccade'"}


def test_who_says_nothing_is_hung_up_on(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GREETING_S", 0.1)
    with session() as running:
        with running.socket() as line, line.makefile("rb") as answers:
            said = [json.loads(answer) for answer in answers]
        assert said[1:] == [{"error": "a proof of the token is expected within 0.1 s"}]
        assert_nothing_was_obeyed(running)


def test_who_speaks_a_letter_at_a_time_is_hung_up_on(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GREETING_S", 0.3)
    with session() as running:
        begun_s = time.monotonic()
        with running.socket() as line, contextlib.suppress(ConnectionError):
            line.settimeout(0.02)
            while time.monotonic() - begun_s < 20:
                line.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    if not line.recv(4096):
                        break
        assert time.monotonic() - begun_s < 15
        assert_nothing_was_obeyed(running)


def test_a_thousand_strangers_keep_nobody_out(session: Any) -> None:
    with session() as running, contextlib.ExitStack() as strangers:
        n = 0
        for _ in range(1000):
            line = socket.socket()
            strangers.callback(line.close)
            line.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                line.connect(("127.0.0.1", running.server.port))
            n += 1
        before = running.engine.summary()["samples"]["received"]
        with ControlClient(folder=running.folder, timeout_s=60.0) as client:
            assert client.status()["samples"]["received"] > before
        assert len(running.server._strangers) <= server.MOST_STRANGERS
        assert n == 1000


def test_so_many_clients_and_no_more(session: Any) -> None:
    with session() as running, contextlib.ExitStack() as clients:
        for _ in range(server.MOST_CLIENTS):
            clients.enter_context(running.client())
        with running.client() as one_more:
            assert "proof" in one_more.answer
            assert one_more.receive() == {"error": "8 clients are connected already: close one"}
        clients.close()
        assert_it_still_obeys(running)


def test_a_client_that_hurries_is_refused_until_it_waits(session: Any) -> None:
    with session() as running, running.client() as friend:
        friend.send(b'{"do": "reset"}\n' * 100)
        answers = [friend.receive() for _ in range(100)]
        refused = {"error": "at most 20 commands a second are taken: wait"}
        obeyed = sum("ok" in answer for answer in answers)
        assert 20 <= obeyed < 100
        assert answers[-1] == refused
        assert obeyed == len(running.told.commands)
        deadline_s = time.monotonic() + 20
        while "ok" not in friend.ask({"do": "status"}):
            assert time.monotonic() < deadline_s


def test_who_has_no_more_to_say_still_gets_the_answer(session: Any) -> None:
    with session() as running, running.client() as friend:
        friend.send(b'{"do": "mark", "value": "x"}\n')
        friend.socket.shutdown(socket.SHUT_WR)
        assert friend.receive()["ok"] is True
        assert friend.receive() is None


def test_half_a_line_is_not_obeyed(session: Any) -> None:
    with session() as running:
        with running.client() as friend:
            friend.send(b'{"do": "stop"}')
            friend.socket.shutdown(socket.SHUT_WR)
            assert friend.receive() is None
        assert_nothing_was_obeyed(running)


def test_who_hangs_up_in_the_midst_of_it_hurts_nobody(session: Any) -> None:
    with session() as running:
        for _ in range(20):
            with running.client() as friend:
                friend.send(b'{"do": "status"}\n{"do"')
        assert_it_still_obeys(running)


def test_it_listens_on_this_computer_only(session: Any) -> None:
    with session() as running:
        assert running.server._listener.getsockname()[0] == "127.0.0.1"
        own = socket.gethostbyname(socket.gethostname())
        if not own.startswith("127."):
            with pytest.raises(OSError), socket.create_connection((own, running.server.port), 5):
                pass


def test_a_refusal_to_a_client_is_its_error(session: Any) -> None:
    with session() as running, contextlib.ExitStack() as clients:
        for _ in range(server.MOST_CLIENTS):
            clients.enter_context(running.client())
        with (
            ControlClient(folder=running.folder) as client,
            pytest.raises(ControlError, match="8 clients are connected already"),
        ):
            client.pause()


@contextlib.contextmanager
def deaf(running: Any) -> Iterator[None]:
    """Connect as one who asks and asks, and never reads an answer; enter once that has to wait."""
    with running.client() as friend:
        friend.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        friend.socket.settimeout(1.0)
        with contextlib.suppress(OSError):
            while True:
                friend.send(b'{"do": "status"}\n' * 1000)
        yield


def test_who_does_not_read_the_answers_is_hung_up_on(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "TAKE_S", 0.2)
    monkeypatch.setattr(server, "LEAVE_S", 0.2)
    with session() as running, deaf(running):
        deadline_s = time.monotonic() + 30
        while running.server._clients:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        assert_it_still_obeys(running)


def test_who_does_not_read_the_answers_does_not_keep_a_session_from_ending(session: Any) -> None:
    with contextlib.ExitStack() as unread:
        with session() as running:
            unread.enter_context(deaf(running))
            before_s = time.monotonic()
        assert time.monotonic() - before_s < 8
        assert not running.server._thread.is_alive()
