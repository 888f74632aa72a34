"""A folder of files, on this machine, in memory and on a server that speaks S3."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from mlproject.base.errors import ConfigurationError
from mlproject.base.remote_store import RemoteStore
from mlproject.base.stores import Store
from tests.object_storage import S3, serving

KINDS = ["local", "memory", "s3", "renaming"]


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    with serving() as server:
        yield server


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty folder of each kind; nothing has made it yet."""
    if request.param == "local":
        return Store.of(str(tmp_path / "a folder" / "out"))
    if request.param == "memory":
        return Store.of(f"memory://{tmp_path.name}/out")
    if request.param == "s3":
        server: S3 = request.getfixturevalue("s3")
        return server.store(f"{tmp_path.name}/out")
    # What is made under another name and renamed, as by sftp and HDFS.
    return RemoteStore(f"memory://{tmp_path.name}/renaming/out", {})


def test_a_folder_that_nobody_made_is_empty(store: Store) -> None:
    assert not store.exists()
    assert store.names() == store.folders() == []
    assert store.size("a") is None
    store.remove("a")
    store.remove_all()
    for read in (store.read, store.open):
        with pytest.raises(FileNotFoundError):
            read("a")


def test_a_file_is_read_back_and_listed_with_its_size(store: Store) -> None:
    store.make()
    store.write("b.csv", b"1\n2\n")
    store.write("a", b"")
    store.child("parts").make()
    store.child("parts").write("0", b"x")

    assert store.exists()
    assert store.names() == ["a", "b.csv"]
    assert store.folders() == ["parts"]
    assert (store.size("b.csv"), store.size("a"), store.size("parts")) == (4, 0, None)
    assert store.read("b.csv") == b"1\n2\n"
    assert store.child("parts").names() == ["0"]
    with store.open("b.csv") as stream:
        assert stream.seekable()
        assert stream.seek(2) == 2
        assert stream.read(1) == b"2"
        assert stream.seek(-2, os.SEEK_END) == 2
        assert stream.read() == b"2\n"

    store.write("b.csv", b"3")
    assert store.read("b.csv") == b"3"
    store.remove("a")
    assert store.names() == ["b.csv"]
    store.write("c", b"")
    store.remove_all(keep="c")
    assert (store.names(), store.folders()) == (["c"], [])
    store.child("parts").make()
    store.child("parts").write("0", b"x")
    store.remove_all()
    assert not store.exists()
    assert not store.child("parts").exists()


def test_only_one_of_many_creates_a_file(store: Store) -> None:
    if type(store) is RemoteStore:
        pytest.skip("renaming cannot promise it")
    store.make()
    barrier = threading.Barrier(8)

    def create(number: int) -> bool:
        barrier.wait()
        return store.create("claim", b"%d" % number)

    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(create, range(8)))

    assert store.read("claim") == b"%d" % created.index(True)
    assert created.count(True) == 1
    assert store.create("claim", b"late") is False
    assert store.names() == ["claim"]


def test_a_created_file_is_not_replaced(store: Store) -> None:
    store.make()
    assert store.create("claim", b"1")
    assert not store.create("claim", b"2")
    assert store.read("claim") == b"1"
    store.remove("claim")
    assert store.create("claim", b"3")
    assert store.names() == ["claim"]


def test_a_part_is_made_here_and_then_put(store: Store) -> None:
    store.make()
    store.write("part", b"old")
    with store.scratch("part") as path:
        path.write_bytes(b"new" * 100_000)
        assert store.read("part") == b"old"
        assert store.names() == ["part"]
        store.put(path, "part")
        assert not path.exists()
    assert store.read("part") == b"new" * 100_000
    assert store.names() == ["part"]


def test_what_is_not_put_leaves_nothing(store: Store) -> None:
    store.make()
    with pytest.raises(ZeroDivisionError), store.scratch("part") as path:
        path.write_bytes(b"half")
        raise ZeroDivisionError
    assert not path.exists()
    assert store.names() == []
    if store.is_local:
        assert list(store.path.iterdir()) == []


def test_a_file_from_elsewhere_is_put_too(store: Store, tmp_path: Path) -> None:
    store.make()
    made = tmp_path / "made"
    made.write_bytes(b"x")
    store.put(made, "part")
    assert store.read("part") == b"x"
    assert not made.exists()


def test_a_file_of_the_same_disk_is_moved_and_not_copied(tmp_path: Path) -> None:
    store = Store.of(str(tmp_path / "to"))
    store.make()
    made = tmp_path / "made"
    made.write_bytes(b"x")
    number = made.stat().st_ino
    store.put(made, "part")
    assert (store.path / "part").stat().st_ino == number


def test_what_others_did_is_seen_at_once(store: Store) -> None:
    store.make()
    other = pickle.loads(pickle.dumps(store))
    assert other.names() == []
    store.write("a", b"1")
    assert other.names() == ["a"]
    assert other.size("a") == 1
    store.write("a", b"12")
    assert other.size("a") == 2
    store.remove("a")
    assert other.names() == []
    assert other.size("a") is None


def test_a_name_leads_nowhere_else(store: Store) -> None:
    for name in ("", ".", "..", "../a", "a/b", "a\\b"):
        with pytest.raises(ValueError, match="not the name of a file"):
            store.write(name, b"")
        with pytest.raises(ValueError, match="not the name of a file"):
            store.child(name)


def test_an_upload_that_fails_leaves_what_was_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A buffered file of fsspec commits what it has when its block ends with an error."""
    if store.is_local:
        pytest.skip("nothing is uploaded")
    store.make()
    store.write("part", b"old")
    missing = tmp_path / "missing"
    with pytest.raises(FileNotFoundError):
        store.put(missing, "part")
    assert store.read("part") == b"old"
    assert store.names() == ["part"]


class _Breaking(MemoryFileSystem):
    """Takes half of a file, then fails; and refuses to rename onto a file, as HDFS does."""

    protocol = "breaking"
    broken = False

    def put_file(self, lpath: str, rpath: str, **more: Any) -> None:
        with self.open(rpath, "wb") as stream:
            data = Path(lpath).read_bytes()
            stream.write(data[: len(data) // 2])
            if self.broken:
                raise RuntimeError("the line is cut, said sig=c2VjcmV0\nhttps://u:p@host/x?sig=c2")
            stream.write(data[len(data) // 2 :])

    def mv(self, path1: str, path2: str, **more: Any) -> None:
        if self.exists(path2):
            raise RuntimeError("rename failed")
        super().mv(path1, path2, **more)


@pytest.fixture
def breaking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    fsspec.register_implementation("breaking", _Breaking, clobber=True)
    monkeypatch.setattr(_Breaking, "broken", False)
    store = Store.of(f"breaking://{tmp_path.name}/out", {"token": "c2VjcmV0"})
    store.make()
    return store


def test_a_cut_upload_shows_no_half_file_and_no_secret(
    breaking: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking.write("part", b"old")
    with breaking.scratch("part") as path:
        path.write_bytes(b"0123456789")
        monkeypatch.setattr(_Breaking, "broken", True)
        with pytest.raises(OSError, match="the line is cut") as caught:
            breaking.put(path, "part")
        assert path.exists()
        assert breaking.read("part") == b"old"
        assert breaking.names() == ["part"]
        monkeypatch.setattr(_Breaking, "broken", False)
        breaking.put(path, "part")
    message = str(caught.value)
    assert breaking.read("part") == b"0123456789"
    assert message == (
        f"{breaking.shown}/part: RuntimeError: the line is cut, said sig=… https://host/x"
    )
    assert "c2VjcmV0" not in repr(breaking)


def test_of_two_that_rename_only_one_creates(breaking: Store) -> None:
    assert breaking.create("claim", b"1")
    assert not breaking.create("claim", b"2")
    assert breaking.read("claim") == b"1"
    assert breaking.names() == ["claim"]


def test_a_part_of_several_uploads_is_put(s3: S3, tmp_path: Path) -> None:
    store = s3.store(f"{tmp_path.name}/large")
    with store.scratch("part") as path:
        content = os.urandom(1 << 20) * 110
        path.write_bytes(content)
        store.put(path, "part")
    assert store.size("part") == len(content)
    with store.open("part") as stream:
        stream.seek(100 << 20)
        assert stream.read() == content[100 << 20 :]


def test_a_server_says_what_is_wrong_without_the_key(s3: S3) -> None:
    store = s3.store("out", bucket="no-such-bucket")
    assert not store.exists()
    with pytest.raises(OSError, match=r"^s3://no-such-bucket/out/a: The specified bucket does not"):
        store.write("a", b"1")
    with pytest.raises(OSError, match="a whole bucket is not removed"):
        Store.of(f"s3://{s3.bucket}", s3.options).remove_all()
    nobody = s3.options | {"endpoint_url": "http://127.0.0.1:9"}
    config = {"retries": {"max_attempts": 0}}
    with pytest.raises(OSError, match=r"^s3://b/out: .*127\.0\.0\.1:9"):
        Store.of("s3://b/out", nobody | {"config_kwargs": config}).names()


def test_a_worker_process_works_on_the_same_folder(s3: S3, tmp_path: Path) -> None:
    for store in (s3.store(f"{tmp_path.name}/w"), Store.of(str(tmp_path / "w"))):
        store.make()
        code = (
            "import pickle, sys; store = pickle.load(sys.stdin.buffer); store.write('a', b'1');"
            "print(store.names())"
        )
        worker = [sys.executable, "-c", code]
        out = subprocess.check_output(worker, input=pickle.dumps(store))
        assert out.split() == [b"['a']"]
        assert store.names() == ["a"]


def test_a_location_is_what_was_given_and_absolute_where_it_is_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    here = str(tmp_path / "a b")
    uri = (tmp_path / "a b").as_uri()
    for location in ("a b", "a b/", here, f"file://{here}", uri, "~/a b", f"local://{here}"):
        store = Store.of(location)
        assert (store.location, store.path, store.is_local) == (here, tmp_path / "a b", True)
    remote = Store.of("memory://folder/out/")
    assert (remote.location, remote.is_local) == ("memory://folder/out/", False)
    assert remote.child("x").location == "memory://folder/out/x"
    with pytest.raises(ValueError, match="not on this machine"):
        _ = remote.path


@pytest.mark.parametrize("location", ["nosuch://u:secret@host/x", "smb://u:secret@host/x"])
def test_a_url_that_nothing_installed_knows_is_refused_without_its_password(location: str) -> None:
    with pytest.raises(ConfigurationError, match=r"://host/x cannot be opened: ") as caught:
        Store.of(location)
    assert "secret" not in str(caught.value)


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError):
        Store.of(str(tmp_path / "file" / "out")).make()
    with pytest.raises(OSError, match="whole disk"):
        Store.of("/").remove_all()
    with pytest.raises(OSError, match="whole disk"):
        Store.of("memory://").remove_all()


def test_a_file_system_without_links_still_creates_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    store = Store.of(str(tmp_path))
    assert store.create("a", b"1")
    assert not store.create("a", b"2")
    assert store.read("a") == b"1"
    assert store.names() == ["a"]


_KILLED = """
import os, pathlib, sys
from mlproject.base.stores import Store
store = Store.of(sys.argv[1])
with store.scratch("part") as path:
    path.write_bytes(b"half")
    print(path.name, flush=True)
    os._exit(9)
"""


def test_what_a_killed_process_left_is_no_file_of_the_store(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert done.returncode == 9
    assert (tmp_path / done.stdout.decode().strip()).exists()
    assert Store.of(str(tmp_path)).names() == []
