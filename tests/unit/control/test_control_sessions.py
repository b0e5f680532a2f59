"""Finding running sessions: only their owner can, and who was killed is not found."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from saccade.realtime.control import sessions
from saccade.realtime.control.commands import Commands
from saccade.realtime.control.server import ControlServer
from saccade.realtime.errors import ControlError

ON_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")


def left_behind(folder: Path, name: str, port: int, pid: int = 1) -> Path:
    """Write the file of a session that was killed."""
    path = folder / f"{name}.json"
    about = {"name": name, "pid": pid, "port": port, "started_unix_s": 1.0, "token": "0" * 64}
    path.write_text(json.dumps({"saccade": 1, **about}), encoding="utf-8")
    return path


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_sessions_are_found_as_long_as_they_run(tmp_path: Path) -> None:
    with ControlServer(Commands(), folder=tmp_path) as first:
        with ControlServer(Commands(), name="second", folder=tmp_path):
            assert {s.name for s in sessions.running(tmp_path)} == {first.name, "second"}
            with pytest.raises(ControlError, match=f"2 sessions run here: .*{first.name}"):
                sessions.find(None, tmp_path)
            assert sessions.find("second", tmp_path).name == "second"
        (found,) = sessions.running(tmp_path)
        assert (found.name, found.pid, found.port) == (first.name, os.getpid(), first.port)
        assert sessions.find(None, tmp_path) == found
        with pytest.raises(ControlError, match=f"no session called 'second' .* is {first.name}"):
            sessions.find("second", tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ControlError, match="no session runs here that could be commanded"):
        sessions.find(None, tmp_path)


def test_several_at_once_get_names_of_their_own(tmp_path: Path) -> None:
    with contextlib.ExitStack() as running:
        servers = [
            running.enter_context(ControlServer(Commands(), folder=tmp_path)) for _ in range(3)
        ]
        pid = os.getpid()
        assert [s.name for s in servers] == [f"run-{pid}", f"run-{pid}-2", f"run-{pid}-3"]


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with (
        ControlServer(Commands(), name="lab", folder=tmp_path),
        pytest.raises(ControlError, match=rf"'lab' runs already \(process {os.getpid()}\)"),
    ):
        ControlServer(Commands(), name="lab", folder=tmp_path)


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with ControlServer(Commands(), name="lab", folder=tmp_path) as server:
        with pytest.raises(ControlError, match=f"can't be taken at 127.0.0.1:{server.port}"):
            ControlServer(Commands(), port=server.port, folder=tmp_path)
        assert [s.name for s in sessions.running(tmp_path)] == ["lab"]


def test_who_was_killed_is_cleaned_up_after(tmp_path: Path, free_port: int) -> None:
    path = left_behind(tmp_path, "dead", free_port)
    assert sessions.running(tmp_path) == ()
    assert not path.exists()


def test_the_name_of_who_was_killed_is_free_again(tmp_path: Path, free_port: int) -> None:
    left_behind(tmp_path, "lab", free_port)
    with ControlServer(Commands(), name="lab", folder=tmp_path) as server:
        assert [s.port for s in sessions.running(tmp_path)] == [server.port]


def test_another_who_listens_at_the_port_of_a_dead_session_is_not_taken_for_it(
    tmp_path: Path,
) -> None:
    with ControlServer(Commands(), name="alive", folder=tmp_path) as server:
        path = left_behind(tmp_path, "dead", server.port)
        assert [s.name for s in sessions.running(tmp_path)] == ["alive"]
        assert not path.exists()


def test_a_session_that_only_does_not_answer_stays_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "ALIVE_S", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        path = left_behind(tmp_path, "busy", silent.getsockname()[1], os.getpid())
        assert [s.name for s in sessions.running(tmp_path)] == ["busy"]
    assert path.exists()


@pytest.fixture
def ended() -> int:
    """Return the number that a process had."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    "says",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b'{"hello": 1}\n',
        pytest.param(None, marks=ON_POSIX, id="nothing"),
        pytest.param(b"", marks=ON_POSIX, id="good-bye"),
        pytest.param(b'{"error": "no"}\n', marks=ON_POSIX),
    ],
)
def test_another_program_at_the_port_of_a_dead_session_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: int, says: bytes | None
) -> None:
    monkeypatch.setattr(sessions, "ALIVE_S", 0.2 if says is None else 20.0)
    with socket.socket() as other, ThreadPoolExecutor() as pool:
        other.bind(("127.0.0.1", 0))
        other.listen()
        path = left_behind(tmp_path, "dead", other.getsockname()[1], ended)
        found = pool.submit(sessions.running, tmp_path)
        with other.accept()[0] as caller:
            if says is not None:
                caller.sendall(says)
                caller.shutdown(socket.SHUT_WR)
            assert found.result(30) == ()
    assert not path.exists()


def test_a_session_that_is_called_by_too_many_stays_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ControlServer(Commands(), name="lab", folder=tmp_path) as server:
        monkeypatch.setattr(server, "_admit", lambda: asyncio.current_task().cancel())
        assert [s.name for s in sessions.running(tmp_path)] == ["lab"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        '{"saccade": 1}',
        '{"saccade": 9, "name": "odd"}',
        '{"saccade":1,"name":"odd","pid":1,"port":99999,"started_unix_s":1,"token":"t"}',
        '{"saccade":1,"name":"odd","pid":-1,"port":80,"started_unix_s":1,"token":"t"}',
        '{"saccade":1,"name":"odd","pid":1,"port":"80","started_unix_s":1,"token":"t"}',
        '{"saccade":1,"name":"other","pid":1,"port":80,"started_unix_s":1,"token":"t"}',
    ],
)
def test_a_file_that_makes_no_sense_is_no_session(tmp_path: Path, content: str) -> None:
    (tmp_path / "odd.json").write_text(content, encoding="utf-8")
    assert sessions.running(tmp_path) == ()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", ".hidden", "-flag", "a/b", "..", "a b", "ü", "x" * 65, "a\n"])
def test_a_name_that_is_not_fit_for_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ControlError, match="a session's name has 1 to 64 letters"):
        ControlServer(Commands(), name=name, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@ON_POSIX
def test_only_the_owner_can_read_the_token(tmp_path: Path) -> None:
    with ControlServer(Commands(), name="lab", folder=tmp_path):
        path = tmp_path / "lab.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        (found,) = sessions.running(tmp_path)
        assert found.token not in repr(found)


@ON_POSIX
def test_the_folder_is_the_systems_for_the_user_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = sessions.own_folder()
    assert folder == tmp_path / "saccade"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@ON_POSIX
@pytest.mark.parametrize("runtime", [None, "relative", "/nowhere/at/all"])
def test_elsewhere_it_lies_with_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str | None
) -> None:
    if runtime is None:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = sessions.own_folder()
    assert folder == tmp_path / f"saccade-{os.getuid()}"
    folder.chmod(0o755)
    assert stat.S_IMODE(sessions.own_folder().stat().st_mode) == 0o700


@ON_POSIX
def test_a_link_in_its_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"saccade-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ControlError, match="but that is a link or another user's"):
        sessions.own_folder()
