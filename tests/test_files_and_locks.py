"""Writing in one step, and locks between threads and processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mlproject.base.errors import ConfigurationError
from mlproject.base.files import atomic_write, locked, sha256_of

_HOLD = """
import sys, time
from pathlib import Path
from mlproject.base.files import locked
with locked(Path(sys.argv[1]), "taken"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "a"
    atomic_write(file, b"1")
    file.chmod(0o600)
    atomic_write(file, b"2")

    assert file.read_bytes() == b"2"
    assert file.stat().st_mode & 0o777 == 0o600
    assert sha256_of(file).startswith("d4735e3a265e16ee")
    with pytest.raises(TypeError):
        atomic_write(file, "text")  # type: ignore[arg-type]
    assert [item.name for item in tmp_path.iterdir()] == ["a"]


def test_a_lock_is_refused_while_another_process_has_it_and_had_when_that_is_killed(
    tmp_path: Path,
) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(lock)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        started = time.monotonic()
        with pytest.raises(ConfigurationError, match="taken"), locked(lock, "taken"):
            pass
        assert time.monotonic() - started < 1
        with pytest.raises(ConfigurationError), locked(lock, "taken", seconds=0.2):
            pass
        process.kill()
    with locked(lock, "taken"):
        pass


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path / "lock", "taken"):
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    threading.Timer(0.3, release.set).start()
    with locked(tmp_path / "lock", "taken", seconds=10):
        assert release.is_set()
    thread.join()


def test_a_lock_that_this_thread_holds_is_refused_too(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", "first"),
        pytest.raises(ConfigurationError, match="second"),
        locked(tmp_path / "lock", "second"),
    ):
        pass


def test_a_folder_without_room_for_a_lock_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be locked"), locked(tmp_path, "taken"):
        pass
