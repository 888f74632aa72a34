"""A model behind HTTP: the formats of requests, their limits, and the alias that moves."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from mlproject.base.errors import DataError
from mlproject.data.schema import Feature
from mlproject.data.table import to_frame
from mlproject.data.types import from_json, typed
from mlproject.models.opening import open_model
from mlproject.models.trust import Policy
from mlproject.serving.answering import Answer, Answerer, as_azure
from mlproject.serving.batching import Together
from mlproject.serving.bodies import JsonRows
from mlproject.serving.plain import PlainFrames
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from tests.conftest import Shell, free_port, new_environment, saved

ROWS = pd.DataFrame(
    {
        "age": [31.0, 44.0, 25.0, 60.0, 52.0, 38.0],
        "children": [0, 2, 1, 3, 0, 4],
        "city": ["Oslo", "Bergen", "Oslo", "Bodo", "Bergen", "Oslo"],
    }
)
RECORD = {"age": 31.0, "children": 0, "city": "Oslo"}
SOLD = [0, 1, 0, 1, 1, 0]
PATIENCE = 60


def model() -> Any:
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough"
    )
    forest = RandomForestClassifier(5, random_state=0)
    return make_pipeline(columns, forest).fit(ROWS, SOLD)


def answerer(folder: Path, method: str = "predict") -> Answerer:
    with sessions.opened(resolve("local")) as session:
        return Answerer(open_model(str(folder), session, Policy(pickles=True)), method)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with warnings.catch_warnings():  # MLflow's, of whole numbers that might be missing
        warnings.simplefilter("ignore")
        return saved(tmp_path_factory.mktemp("model") / "model", model(), ROWS)


@pytest.fixture(scope="module")
def served(folder: Path) -> Answerer:
    return answerer(folder)


def content(answer: Answer) -> Any:
    return json.loads(answer.content)


def body(**keys: Any) -> bytes:
    return json.dumps(keys).encode()


def split(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        "columns": list(frame.columns),
        "index": list(range(len(frame))),
        "data": frame.astype(object).to_numpy().tolist(),
    }


EXPECTED = [int(item) for item in model().predict(ROWS)]


@pytest.mark.parametrize(
    "rows",
    [
        split(ROWS),
        split(ROWS[["city", "children", "age"]]),
        {"columns": list(ROWS), "data": ROWS.astype(object).to_numpy().tolist()},
        split(ROWS.assign(more="x")),
        ROWS.to_dict("records"),
        ROWS.astype(object).to_numpy().tolist(),
        split(ROWS.assign(age=ROWS["age"].astype(str))),
    ],
    ids=["split", "other order", "no index", "more columns", "records", "lists", "numbers as text"],
)
def test_azure_ml_s_format_is_answered_with_a_list_of_predictions(
    served: Answerer, rows: Any
) -> None:
    answer = served.azure(body(input_data=rows))

    assert (answer.status, content(answer)) == (200, EXPECTED)


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        ("dataframe_split", split(ROWS)),
        ("dataframe_records", ROWS.to_dict("records")),
        ("instances", ROWS.to_dict("records")),
        ("instances", ROWS.astype(object).to_numpy().tolist()),
        ("inputs", ROWS.to_dict("list")),
        ("inputs", ROWS.astype(object).to_numpy().tolist()),
    ],
)
def test_mlflow_s_formats_are_answered_as_mlflow_does(
    served: Answerer, key: str, rows: Any
) -> None:
    assert content(served.mlflow(body(**{key: rows}))) == {"predictions": EXPECTED}


def test_csv_is_read_as_a_file_is(served: Answerer) -> None:
    text = ROWS.to_csv(index=False) + '1,2,"Oslo\n", 5\nold,1,Oslo\n,1,Oslo\n'

    found = content(served.csv(text.encode()))

    assert found["predictions"][:6] == EXPECTED
    assert found["predictions"][6:8] == [None, None]
    assert found["rejects"][:2] == [
        {"row": 6, "column": None, "reason": "it has 4 fields, not 3"},
        {"row": 7, "column": "age", "reason": "'old' is not a number"},
    ]


def test_probabilities_are_objects_with_a_key_for_each_class(folder: Path) -> None:
    found = content(answerer(folder, "predict_proba").azure(body(input_data=split(ROWS))))

    expected = model().predict_proba(ROWS)[0].tolist()
    assert found[0] == {
        "probability_0": expected[0],
        "probability_1": expected[1],
        "prediction": EXPECTED[0],
    }


def test_rows_that_cannot_be_scored_are_named_and_the_others_scored(served: Answerer) -> None:
    rows = split(ROWS)
    rows["data"][1][0] = "old"
    rows["data"][4][1] = 2.5

    answer = served.azure(body(input_data=rows))

    assert answer.status == 200
    expected = [None if row in (1, 4) else value for row, value in enumerate(EXPECTED)]
    assert content(answer) == {
        "predictions": expected,
        "rejects": [
            {"row": 1, "column": "age", "reason": "'old' is not a number", "index": 1},
            {
                "row": 4,
                "column": "children",
                "reason": "2.5 is not a whole number of 64 bits",
                "index": 4,
            },
        ],
    }
    rows["index"] = [f"house {row}" for row in range(6)]
    told = content(served.mlflow(body(dataframe_split=rows)))["rejects"]
    assert [item["index"] for item in told] == ["house 1", "house 4"]
    rows.pop("index")
    assert "index" not in content(served.azure(body(input_data=rows)))["rejects"][0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"columns": ["age", "town", "children"], "data": [[1, "x", 2]]}, "No column 'city'"),
        ({"columns": ["age"], "data": [[1, 2]]}, "Row 0 of 'input_data' has 2 values, not 1"),
        ({"columns": ["age", "age"], "data": []}, "'age' more than once"),
        ({"columns": ["age"]}, "no list 'data'"),
        ([[1, 2]], "Row 0 of 'input_data' has 2 values, not 3"),
        ([{"age": 1}, 3], "Row 1 of 'input_data' is not an object"),
        (
            [RECORD, {"age": 1, "City": "Oslo", "children": 1}],
            "Row 1 of 'input_data' has no 'city', which the model takes. Did you mean 'City'?",
        ),
        ({**split(ROWS), "index": [1]}, "The 'index' of 'input_data' has 1 value for 6 rows"),
        ({**split(ROWS), "index": "a"}, "The 'index' of 'input_data' is not a list"),
        ("rows", "neither an object nor a list"),
        (
            split(ROWS.assign(age="old")),
            "None of the 6 rows can be scored; the first one: column 'age'",
        ),
        (split(ROWS[:1].assign(children=1e30)), "cannot be scored: column 'children'"),
    ],
)
def test_a_request_that_does_not_fit_the_signature_is_a_bad_request_that_says_why(
    served: Answerer, rows: Any, message: str
) -> None:
    answer = served.azure(body(input_data=rows))

    assert answer.status == 400
    assert message in content(answer)["message"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "The request is not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "should have one of dataframe_split"),
        (body(instances=[], inputs=[]), "it has 'instances' and 'inputs'"),
        (body(instances=[RECORD], params={"top": 3}), "has 'params', and the model takes none"),
        (body(instances=[RECORD, {"age": 1}]), "Row 1 of 'instances' has no 'children'"),
        (body(inputs={"age": [1, 2], "city": ["x"]}), "2 values of 'age', and 1 of 'city'"),
    ],
)
def test_what_is_no_request_of_mlflow_s_is_a_bad_request_that_says_why(
    served: Answerer, text: bytes, message: str
) -> None:
    answer = served.mlflow(text)

    assert answer.status == 400
    assert message in content(answer)["message"]


def test_records_may_lack_what_the_model_does_not_take(served: Answerer) -> None:
    records = [RECORD | {"note": "new"}, RECORD]

    answer = served.azure(body(input_data=records, params={}))

    assert (answer.status, content(answer)) == (200, [EXPECTED[0]] * 2)


def test_no_rows_have_no_predictions(served: Answerer) -> None:
    assert content(served.azure(body(input_data={**split(ROWS), "index": [], "data": []}))) == []


def test_a_model_of_an_array_takes_rows_in_its_order(tmp_path: Path) -> None:
    X = np.arange(12.0).reshape(6, 2)
    fitted = LinearRegression().fit(X, X.sum(axis=1))
    import mlflow

    signature = mlflow.models.infer_signature(X, fitted.predict(X))
    mlflow.sklearn.save_model(
        fitted,
        tmp_path / "model",
        signature=signature,
        pip_requirements=[],
        serialization_format="cloudpickle",
    )

    found = content(answerer(tmp_path / "model").azure(body(input_data=X.tolist())))

    assert found == pytest.approx(fitted.predict(X).tolist())


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.float64(), [1.5, 2, None, -3, 1e300]),
        (pa.float64(), [2**53 + 1, 7]),
        (pa.float64(), [2**64, 1.0]),
        (pa.float64(), [float("nan"), float("inf")]),
        (pa.float64(), ["1", 2.0]),
        (pa.float64(), [True, 2.0]),
        (pa.int64(), [1, 2**62, -5]),
        (pa.int64(), [1, None]),
        (pa.int64(), [1, True]),
        (pa.int32(), [1, -(2**31)]),
        (pa.int32(), [1, 2**31]),
        (pa.string(), ["a", None, ""]),
        (pa.string(), ["a", 1]),
        (pa.bool_(), [True, False]),
        (pa.bool_(), [True, None]),
        (pa.bool_(), [1, 0]),
    ],
)
def test_rows_that_need_no_conversion_become_the_frame_that_conversion_makes(
    kind: pa.DataType, values: list[Any]
) -> None:
    features = (Feature("a", kind), Feature("b", pa.float64()))
    quick = PlainFrames(features).frame([[value, 0.5] for value in values])
    arrays = {"a": from_json(values, kind), "b": pa.array([0.5] * len(values))}
    slow = typed(pa.table(arrays), features)

    if quick is None:  # which is always right
        return
    assert not slow.misfits
    pd.testing.assert_frame_equal(quick, to_frame(slow.table), check_column_type=False)


def test_what_is_common_needs_no_conversion() -> None:
    features = [Feature("a", pa.float64()), Feature("b", pa.int64()), Feature("c", pa.string())]

    assert PlainFrames(features).frame([[1.5, 2, "x"], [None, 3, None]]) is not None
    assert PlainFrames(features[:1]).frame([[1.5], [2], [None]]) is not None


@pytest.mark.parametrize("columns", [["age", "children", "city"], ["city", "age", "children"]])
def test_requests_that_come_together_are_answered_as_if_each_came_alone(
    served: Answerer, columns: list[str]
) -> None:
    requests = [
        JsonRows(tuple(columns), rows)
        for start in range(6)
        for rows in [ROWS[columns].iloc[start : start + 2].astype(object).to_numpy().tolist()]
    ]
    requests.append(JsonRows(tuple(columns), [["?", "?", "?"]]))
    requests.append(JsonRows(("age",), [[1.0]]))

    async def together() -> list[Answer]:
        asking = Together()
        return list(
            await asyncio.gather(*(asking.answer(item, served, as_azure) for item in requests))
        )

    def alone(item: JsonRows) -> Answer:
        try:
            return as_azure(served.scores(item))
        except DataError as error:
            return Answer.error(400, str(error))

    assert asyncio.run(together()) == [alone(item) for item in requests]


class Server:
    """A server of its own, and what it answers."""

    def __init__(self, shell: Shell, *options: str) -> None:
        self.port = free_port()
        words = ["-m", "mlproject", "serve", *options, "--port", str(self.port)]
        self.process = shell.start(*words)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                assert self.ask("GET", "/health")[0] == 200
                return
            except OSError:
                assert self.process.poll() is None, self.process.communicate()
                time.sleep(0.1)
        pytest.fail("the server did not start")

    def ask(self, method: str, path: str, data: bytes = b"", **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, data or None, named)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def close(self) -> tuple[str, str]:
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=PATIENCE)
        return out, err


@pytest.fixture(scope="module")
def running(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("serving")
    shell = Shell(place, new_environment(place / "home"))
    server = Server(shell, str(folder), "--trust", "pickle", "--max-body", "4KB", "--timeout", "2")
    yield server
    out, err = server.close()
    assert server.process.returncode == 0, err
    assert f"http://127.0.0.1:{server.port}" in out
    assert "Traceback" not in err


def test_a_server_answers_every_route(running: Server) -> None:
    asked = split(ROWS)
    assert running.ask("POST", "/score", body(input_data=asked)) == (200, EXPECTED)
    json_kind = {"Content_Type": "application/json; charset=utf-8"}
    found = running.ask("POST", "/invocations", body(dataframe_split=asked), **json_kind)
    assert found == (200, {"predictions": EXPECTED})
    text = ROWS.to_csv(index=False).encode()
    assert running.ask("POST", "/invocations", text, Content_Type="text/csv")[1] == found[1]
    status, health = running.ask("GET", "/health")
    assert (status, health["status"], health["problem"]) == (200, "ok", None)
    described = running.ask("GET", "/openapi.json")[1]
    azure = described["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]
    records = azure["schema"]["properties"]["input_data"]["anyOf"][1]["items"]
    assert records["properties"]["city"] == {"type": "string"}
    assert running.ask("POST", "/score", json.dumps(azure["example"]).encode())[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "data", "kind", "status", "message"),
    [
        ("POST", "/score", b"{", "application/json", 400, "is not JSON"),
        ("POST", "/score", b" " * 5000, "application/json", 413, "more than 4,096 bytes"),
        ("POST", "/invocations", b"a", "text/xml", 415, "The content type is text/xml"),
        ("POST", "/score", b"a\n1", "text/csv", 415, "The content type is text/csv, and can be"),
        ("POST", "/predict", b"a", "text/csv", 404, "Post to /score or /invocations"),
        ("GET", "/score", b"", "text/csv", 405, "Post to /score or /invocations"),
    ],
)
def test_what_cannot_be_answered_says_what_to_do(
    running: Server, method: str, path: str, data: bytes, kind: str, status: int, message: str
) -> None:
    found = running.ask(method, path, data, Content_Type=kind)

    assert found[0] == status
    assert message in found[1]["message"]


def test_a_body_that_grows_beyond_its_limit_is_not_read_on(running: Server) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as connection:
        head = b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + b"1000\r\n" + b" " * 4096 + b"\r\n" + b"10\r\n" + b" " * 16)
        assert b" 413 " in connection.recv(1000).split(b"\r\n")[0]


def test_a_body_that_does_not_arrive_is_given_up(running: Server) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        assert b" 408 " in connection.recv(1000).split(b"\r\n")[0]


def test_a_prediction_that_takes_too_long_is_given_up_and_others_are_answered_meanwhile(
    shell: Shell,
) -> None:
    def slowly(X: Any) -> Any:
        time.sleep(0.2 if len(X) < 3 else 5)
        return X

    fitted = make_pipeline(FunctionTransformer(slowly), SimpleImputer(), LinearRegression())
    X = ROWS[["age", "children"]].astype(float)
    fitted.fit(X, SOLD)
    saved(shell.folder / "slow", fitted, X.head(2))
    server = Server(shell, "slow", "--trust", "pickle", "--timeout", "2")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.ask, "POST", "/score", body(input_data=split(X)))
        time.sleep(0.3)
        started = time.monotonic()
        assert server.ask("GET", "/health")[0] == 200
        assert time.monotonic() - started < 1
        assert slow.result()[0] == 504
    assert "not scored in 2 s" in slow.result()[1]["message"]
    server.close()


def registered(client: Any, folder: Path, name: str) -> str:
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name)
    made = client.create_model_version(name, str(folder))
    client.set_registered_model_alias(name, "champion", made.version)
    return str(made.version)


def test_when_the_alias_moves_the_other_model_answers_and_no_request_is_lost(
    shell: Shell, client: Callable[[str], Any]
) -> None:
    X = ROWS[["age"]]
    for version, slope in enumerate((1.0, 2.0), 1):
        saved(shell.folder / f"v{version}", LinearRegression().fit(X, slope * X["age"]), X)
    store = client((shell.folder / "mlruns").as_uri())
    registered(store, shell.folder / "v1", "pima")
    options = ("--trust", "pickle", "--refresh", "0.2")
    server = Server(shell, "models:/pima@champion", *options)
    answers: list[tuple[int, Any]] = []
    ended = threading.Event()

    def ask_on() -> None:
        while not ended.is_set():
            answers.append(server.ask("POST", "/score", body(input_data=split(X[:1]))))

    clients = [threading.Thread(target=ask_on) for _ in range(4)]
    for thread in clients:
        thread.start()
    time.sleep(0.5)
    registered(store, shell.folder / "v2", "pima")
    _until(lambda: server.ask("GET", "/health")[1]["version"] == "2")
    time.sleep(0.2)
    (shell.folder / "v3").mkdir()
    registered(store, shell.folder / "v3", "pima")
    _until(lambda: server.ask("GET", "/health")[1]["problem"] is not None)
    ended.set()
    for thread in clients:
        thread.join()
    _, err = server.close()

    assert {status for status, _ in answers} == {200}
    values = [round(found[0]) for _, found in answers]
    assert sorted(set(values)) == [31, 62]
    assert values[0] == 31
    assert values[-1] == 62
    assert "Now serving models:/pima@champion (version 2)" in err
    assert err.count("keeps answering") == 1


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_server_that_cannot_start_says_why(shell: Shell, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = shell.mlproject("serve", str(folder), "--port", port)
    assert done.code == 2
    assert "cannot be listened at" in done.error
    assert "Give another --port" in done.error

    done = shell.mlproject("serve", "nothing", "--port", "0")
    assert done.code == 5
    assert "No folder nothing" in done.error

    done = shell.mlproject("serve", str(folder), "--port", "0")
    assert done.code == 5
    assert "--trust" in done.error

    done = shell.mlproject("serve", str(folder), "--max-body", "many")
    assert done.code == 2
    assert "--max-body is 'many'" in done.error


def test_half_of_a_character_is_a_bad_request_and_costs_no_other_one(running: Server) -> None:
    for text in ('{"input_data": [["\\ud800", 2]]}', '{"input_data": [{"\\ud800": 1}]}'):
        status, answer = running.ask("POST", "/score", text.encode())
        assert status == 400
        assert "half of a pair, '\\ud800'" in answer["message"]
