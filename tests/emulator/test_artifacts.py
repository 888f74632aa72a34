"""Artifacts and their content: recorded once, written once, read by signed URLs."""

from __future__ import annotations

import os
import re
import time
import tracemalloc
from pathlib import Path
from urllib.parse import quote

from werkzeug.test import EnvironBuilder

from mlproject.emulator import identities
from mlproject.emulator.keeping.signing import Key
from mlproject.emulator.runs.artifacts import PAGE
from tests.emulator.conftest import API, PUT, Client, emulated


def test_a_path_that_was_recorded_cannot_be_recorded_again(client: Client) -> None:
    run = client.run()
    first = client.recorded(run, "sub/a.txt")
    second = client.recorded(run, "sub/a.txt", "b.txt")

    assert first["errors"] == {}
    assert list(second["artifacts"]) == list(second["artifactContentInformation"]) == ["b.txt"]
    error = second["errors"]["sub/a.txt"]["error"]
    name = f"ExperimentRun/dcid.{run['run_id']}/sub/a.txt"
    assert error == {
        "code": "UserError",
        "message": f"Resource Conflict: ArtifactId {name} already exists.",
    }
    listed = client.session.get(client.artifacts(run)).json()
    assert [item["path"] for item in listed["value"]] == ["b.txt", "sub/a.txt"]
    assert client.recorded(run, "../b.txt")["errors"]["../b.txt"]["error"]["code"] == "InvalidUri"


def test_content_is_written_once_and_read_in_ranges(client: Client) -> None:
    run = client.run()
    address = client.recorded(run, "a b.txt")["artifactContentInformation"]["a b.txt"]["contentUri"]
    blob = client.session

    assert blob.get(address).status_code == 404
    assert [blob.put(address, b"hello", headers=PUT).status_code for _ in range(2)] == [201, 409]
    assert blob.get(address, headers={"x-ms-range": "bytes=1-2"}).content == b"el"
    assert blob.get(address, headers={"x-ms-range": "bytes=9-12"}).status_code == 416
    assert blob.head(address).headers["Content-Length"] == "5"


def test_content_of_unknown_length_is_written_and_names_may_have_any_character(
    client: Client,
) -> None:
    run, path = client.run(), "sub folder/50 % + é?#.txt"
    address = client.recorded(run, path)["artifactContentInformation"][path]["contentUri"]

    assert client.session.put(address, iter([b"hel", b"lo"]), headers=PUT).status_code == 201
    assert client.session.get(address).content == b"hello"
    assert client.session.get(client.located(run, path)).content == b"hello"


def test_the_address_of_an_artifact_reads_and_another_call_has_one_that_writes(
    client: Client,
) -> None:
    run, put = client.run(), {"x-ms-blob-type": "BlockBlob"}
    client.recorded(run, "a.txt")
    reading, writing = (client.located(run, "a.txt", call) for call in ("contentinfo", "write"))

    assert "&sp=r&" in reading
    refused = client.session.put(reading, b"one", headers=put)
    assert refused.status_code == 403
    assert "AuthorizationPermissionMismatch" in refused.text
    block = client.session.put(f"{reading}&comp=block&blockid=MQ==", b"one")
    assert block.status_code == 403
    for content in (b"one", b"two"):
        assert client.session.put(writing, content, headers=put).status_code == 201
        assert client.session.get(reading).content == content
    for call in ("contentinfo", "write"):
        asked = client.session.get(client.artifacts(run, f"/{call}"), params={"path": "b.txt"})
        assert asked.status_code == 404


def test_contentinfo_may_write_and_the_call_that_writes_may_be_missing(tmp_path: Path) -> None:
    with emulated(tmp_path, writable_contentinfo=True, no_write_call=True) as (_, client):
        client.uploaded("a.txt")
        address = client.upload("/contentinfo", path="a.txt").json()["contentUri"]
        written = client.session.put(address, b"one", headers=PUT)
        missing = client.upload("/write", path="a.txt")

    assert written.status_code == 201
    assert (missing.status_code, missing.text) == (404, "")


def test_names_of_content_share_nothing(client: Client) -> None:
    names = ["f", "f/g", "n", "n.blocks/x", f"long/{'x' * 300}"]
    container = os.urandom(4).hex()
    addresses = client.uploaded(*names, container=container)
    put = client.session.put
    for name in ("f/g", "n.blocks/x", "f", "n", names[-1]):
        assert put(addresses[name], name.encode(), headers=PUT).status_code == 201

    assert [client.session.get(addresses[name]).text for name in names] == names


def test_blocks_are_joined_without_being_held_in_memory(tmp_path: Path) -> None:
    block, count = os.urandom(1 << 22), 8
    with emulated(tmp_path) as (_, client):
        address, put = client.uploaded("a")["a"], client.session.put
        names = [f"{number:08}" for number in range(count)]
        for name in names:
            assert put(f"{address}&comp=block&blockid={name}", block).status_code == 201
        listed = "".join(f"<Latest>{name}</Latest>" for name in names)
        tracemalloc.start()
        try:
            joined = put(f"{address}&comp=blocklist", f"<BlockList>{listed}</BlockList>")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        length = client.session.head(address).headers["Content-Length"]
        unknown = put(f"{address}&comp=blocklist", "<BlockList><Latest>x</Latest></BlockList>")

    assert joined.status_code == 201
    assert int(length) == count * len(block)
    assert peak < len(block)
    assert unknown.headers["x-ms-error-code"] == "InvalidBlockList"


def test_a_new_artifact_may_be_listed_late_and_is_there_at_once(tmp_path: Path) -> None:
    with emulated(tmp_path, listed_after=1.0) as (_, client):
        client.uploaded("a.txt")
        at_once = client.upload().json()["value"]
        found = client.upload("/contentinfo", path="a.txt")
        time.sleep(1.0)
        later = client.upload().json()["value"]

    assert (at_once, found.status_code) == ([], 200)
    assert [item["path"] for item in later] == ["a.txt"]


def test_a_changed_or_expired_signature_is_refused(client: Client) -> None:
    run = client.run()
    client.recorded(run, "a.txt", "b.txt")
    address = client.located(run, "a.txt")

    unsigned = client.session.get(address.partition("?")[0])
    assert unsigned.status_code == 401  # the token that is sent is for another audience
    assert unsigned.headers["x-ms-error-code"] == "InvalidAuthenticationInfo"
    for wrong in (
        address.replace("a.txt", "b.txt"),
        address.replace("sp=r&", "sp=rcw&"),
        re.sub(r"se=\d+", "se=2999", address),
    ):
        answer = client.session.get(wrong)
        assert answer.status_code == 403
        assert answer.headers["x-ms-error-code"] == "AuthenticationFailed"
        assert "<Code>AuthenticationFailed</Code>" in answer.text
    key = Key()
    held = [key.url("host", "/a", "r", seconds) for seconds in (60, -1)]
    requests = [EnvironBuilder(url.removeprefix("https://host")).get_request() for url in held]
    assert [key.permissions(request) for request in requests] == ["r", ""]


def test_a_long_listing_comes_in_pages(client: Client) -> None:
    run = client.run()
    paths = [f"sub/{number:03}&.txt" for number in range(PAGE + 1)]
    client.recorded(run, *paths)
    first = client.session.get(client.artifacts(run)).json()
    second = client.session.get(first["nextLink"]).json()

    assert first["nextLink"].startswith(client.artifacts(run))
    assert [len(page["value"]) for page in (first, second)] == [PAGE, 1]
    assert [item["path"] for page in (first, second) for item in page["value"]] == paths
    assert (second["nextLink"], second["continuationToken"]) == (None, None)


def test_the_artifact_service_takes_the_path_order_of_azureml_core(client: Client) -> None:
    base, place = (
        f"{API}/artifact/v2.0{identities.SCOPE}/artifacts",
        f"LocalUpload/{os.urandom(4).hex()}",
    )
    asked = {"paths": [{"path": "sub/a b.txt"}, {"path": "subway.txt"}]}
    made = client.session.post(f"{base}/batch/metadata/{place}", json=asked).json()
    address = made["artifactContentInformation"]["sub/a b.txt"]["contentUri"]
    client.session.put(address, b"hello", headers=PUT)
    one, writing = (
        client.session.get(f"{base}/{call}/{place}/{quote('sub/a b.txt')}").json()
        for call in ("contentinfo", "write")
    )
    below = client.session.get(f"{base}/prefix/contentinfo/{place}/sub").json()["value"]
    listed = client.session.get(f"{base}/{place}").json()["value"]

    assert client.session.get(one["contentUri"]).content == b"hello"
    assert "&sp=r&" in one["contentUri"]
    assert "&sp=rcw&" in writing["contentUri"]
    assert [item["path"] for item in below] == ["sub/a b.txt"]
    assert client.session.get(below[0]["contentUri"]).content == b"hello"
    assert [item["path"] for item in listed] == ["sub/a b.txt", "subway.txt"]
