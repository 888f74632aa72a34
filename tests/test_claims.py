"""Who holds an output: one process, until it lets go or is gone."""

from __future__ import annotations

import json
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inference.claim import held
from mlproject.base.errors import ConfigurationError
from mlproject.base.stores import Store
from tests.conftest import ROOT
from tests.object_storage import S3, serving

_HOLD = """
import pickle, sys, time
from inference.claim import held
with held(pickle.load(sys.stdin.buffer), "scored.csv"):
    print("held", flush=True)
    time.sleep(60)
"""
SINCE = r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with serving() as server:
        yield server


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    if request.param == "local":
        return Store.of(str(tmp_path / "out"))
    server: S3 = request.getfixturevalue("s3")
    return server.store(f"{tmp_path.name}/out")


@contextmanager
def holder_process(store: Store) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(pickle.dumps(store))
        process.stdin.close()
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def test_another_process_is_named_and_its_claim_ends_with_it(store: Store) -> None:
    with holder_process(store) as process:
        with (
            pytest.raises(ConfigurationError) as caught,
            held(store, "scored.csv"),
        ):
            pass
        assert re.fullmatch(
            rf"scored.csv is being written by process {process.pid} on host "
            rf"{socket.gethostname()} {SINCE}. Wait for it, or give another --output",
            str(caught.value),
        )
    with held(store, "scored.csv"):
        store.write("a", b"1")
    assert store.names() == ["a"]
    assert not list((Path.home() / ".cache").rglob("*/claims/*"))


def test_another_thread_is_refused_too(store: Store) -> None:
    refusals = []

    def hold() -> None:
        try:
            with held(store, "scored.csv"):
                pass
        except ConfigurationError as error:
            refusals.append(str(error))

    with held(store, "scored.csv"):
        for _ in range(2):
            thread = threading.Thread(target=hold)
            thread.start()
            thread.join()
        hold()
    assert len(refusals) == 3
    assert all(f"by process {os.getpid()} on host" in text for text in refusals)


def test_a_folder_is_removed_while_it_is_held_and_can_be_held_again(store: Store) -> None:
    for _ in range(2):
        with held(store, "scored.csv") as claim:
            store.write("a", b"1")
            store.child("parts").make()
            store.child("parts").write("0", b"x")
            claim.check()
            claim.remove()
        assert not store.exists()


def test_a_folder_in_memory_is_held_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    store = Store.of(f"memory://{tmp_path.name}/out")
    with held(store, "scored.csv") as claim:
        with pytest.raises(ConfigurationError, match="is being written"), held(store, "again"):
            pass
        claim.remove()
    assert not store.exists()


def test_what_fails_in_the_block_lets_go_and_keeps_the_files(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), held(store, "scored.csv"):
        store.write("a", b"1")
        raise ZeroDivisionError
    assert store.names() == ["a"]
    with held(store, "scored.csv"):
        pass


def test_who_was_taken_its_folder_by_hand_removes_nothing(store: Store) -> None:
    with held(store, "first") as claim:
        store.remove_all()
        with held(store, "second"):
            store.write("a", b"1")
            with pytest.raises(ConfigurationError, match=r"first is no longer held: .* was remove"):
                claim.remove()
            assert store.read("a") == b"1"
    assert store.names() == ["a"]


def test_a_claim_of_another_host_is_never_taken_over(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    store = s3.store(f"{tmp_path.name}/out")
    claim = {"host": "elsewhere", "process": 4711, "since": "2026-01-01T00:00:00+00:00"}
    content = json.dumps(claim | {"token": "0" * 32}).encode()
    store.write(".claim", content)
    with (
        pytest.raises(ConfigurationError) as caught,
        held(store, "scored.csv"),
    ):
        pass
    assert str(caught.value) == (
        "scored.csv is being written by process 4711 on host elsewhere since "
        "2026-01-01T00:00:00+00:00. Wait for it, or give another --output. If that process is "
        f"known to be gone, remove {store.shown}/.claim"
    )
    assert store.read(".claim") == content
    store.remove(".claim")
    with held(store, "scored.csv"):
        pass


@pytest.mark.parametrize("token", ["../../../victim", "", 7])
def test_a_claim_that_nobody_of_us_wrote_leads_to_no_file(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: object
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "victim").write_text("x")
    store = s3.store(f"{tmp_path.name}/out")
    claim = {"host": socket.gethostname(), "process": 1, "since": "now", "token": token}
    store.write(".claim", json.dumps(claim).encode())
    with (
        pytest.raises(ConfigurationError, match=r"by another process\. .* remove s3://"),
        held(store, "scored.csv"),
    ):
        pass
    assert (tmp_path / "victim").exists()


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").write_text("x")
    for store in (Store.of(str(tmp_path / "file" / "out")), s3.store("out", bucket="nosuch")):
        with (
            pytest.raises(ConfigurationError, match=r"scored.csv cannot be written: "),
            held(store, "scored.csv"),
        ):
            pass


# Each process holds the folder again and again, removes it every other time, and looks whether
# somebody else was there in the meantime.
_RACE = """
import os, pickle, sys, time, random
from inference.claim import held
from mlproject.base.errors import ConfigurationError
store, rounds = pickle.load(sys.stdin.buffer), int(sys.argv[1])
me, successes = str(os.getpid()).encode(), 0
random.seed(os.getpid())
while successes < rounds:
    try:
        with held(store, "scored.csv") as claim:
            assert store.create("inside", me), "another is inside"
            time.sleep(random.random() / 1000)
            assert store.read("inside") == me, "another came inside"
            claim.check()
            successes += 1
            if random.random() < 0.5:
                claim.remove()
            else:
                store.remove("inside")
    except ConfigurationError as error:
        assert "is being written by" in str(error), error
        time.sleep(random.random() / 200)
print(successes)
"""


# As above, but some end without letting go.
_DEATHS = """
import os, pickle, sys, time, random
from inference.claim import held
from mlproject.base.errors import ConfigurationError
store, rounds = pickle.load(sys.stdin.buffer), int(sys.argv[1])
me, successes = str(os.getpid()).encode(), 0
random.seed(os.getpid())
while successes < rounds:
    try:
        with held(store, "scored.csv") as claim:
            assert store.size("inside") is None or store.read("inside") == b"nobody"
            store.write("inside", me)
            time.sleep(random.random() / 1000)
            assert store.read("inside") == me, "another came inside"
            store.write("inside", b"nobody")
            successes += 1
            if successes == rounds:
                print(successes, flush=True)
                os._exit(0)
    except ConfigurationError as error:
        assert "is being written by" in str(error), error
        time.sleep(random.random() / 200)
"""


@pytest.mark.parametrize("script", [_RACE, _DEATHS], ids=["removing", "dying"])
def test_many_processes_that_hold_a_folder_never_meet(store: Store, script: str) -> None:
    count, rounds = (10, 20) if store.is_local else (4, 4)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for _ in range(count)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(store))
        process.stdin.close()
        process.stdin = None
    ended = [process.communicate() for process in processes]
    assert [err.decode() for _, err in ended if err] == []
    assert [int(out) for out, _ in ended] == [rounds] * count
