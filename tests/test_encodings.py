"""Text that is not UTF-8: seen in the file or given, in training and in scoring."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LinearRegression

from mlproject.base.errors import ConfigurationError, DataError
from mlproject.cli.main import cli
from mlproject.data import table as tables
from mlproject.data.encodings import detected
from mlproject.data.source import opened
from tests.conftest import Shell, saved

FRAME = pd.DataFrame({"größe": [1.5, 2.0, 3.0], "straße": ["Köln", "été", "plain"]})


def written(path: Path, encoding: str, frame: pd.DataFrame = FRAME) -> Path:
    """Write a frame in the format of the path's ending."""
    if ".jsonl" in path.name:
        text = frame.to_json(orient="records", lines=True, force_ascii=False)
    else:
        text = frame.to_csv(index=False)
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.jsonl", "t.jsonl.gz"])
@pytest.mark.parametrize(
    ("encoding", "seen"),
    [("latin-1", "cp1252"), ("cp1252", "cp1252"), ("utf-16", "utf-16"), ("utf-8-sig", None)],
)
def test_text_is_read_whatever_its_encoding(
    work: Path, name: str, encoding: str, seen: str | None
) -> None:
    written(work / name, encoding)
    table = tables.load(name)

    pd.testing.assert_frame_equal(table.frame, FRAME)
    assert table.encoding == seen


WORDS = {
    "cp1252": "forêt Besançon Noël höuse Müller Straße año señor São avó æble på l\u2019été 5€",
    "cp1250": "Łódź złoty Michał książka żona dzień příliš město kůň řeka věc země dítě škola",
    "cp1251": "Москва Россия привет город",
    "cp1253": "Αθήνα Ελλάδα καλημέρα",
    "koi8-r": "Москва Россия привет город улица",
    "cp932": "東京 大阪 日本語 こんにちは",
    "gb18030": "北京 上海 你好 数据 我们 公司 客户 订单 城市 价格 这个 时间 说明",
}


@pytest.mark.parametrize("encoding", WORDS)
def test_words_show_their_encoding(work: Path, encoding: str) -> None:
    words = WORDS[encoding].split()
    rows = [f"{i},{words[i * i % 101 % len(words)]},{i / 7:.3f}" for i in range(300)]
    (work / "t.csv").write_bytes(("id,word,x\n" + "\n".join(rows)).encode(encoding))

    assert detected((work / "t.csv").open("rb"), compressed=False, header=True) == encoding
    texts = tables.load("t.csv").frame["word"]
    assert set(texts) <= set(words)


def test_the_first_word_that_is_not_ascii_may_come_late(work: Path) -> None:
    lines = ["id,word", *(f"{i},plain" for i in range(300_000)), "1,Köln", "2,Müller"]
    (work / "t.csv").write_bytes("\n".join(lines).encode("latin-1"))

    assert tables.load("t.csv").frame["word"].tolist()[-2:] == ["Köln", "Müller"]


def test_few_broken_rows_of_a_utf_8_file_do_not_change_its_encoding(work: Path) -> None:
    good = "x,é\n".encode() * 20
    (work / "t.csv").write_bytes(b"a,b\n" + good + b"1,\xff\n2,\xfe\n")
    (work / "one.csv").write_bytes(b"a,b\n1,x\n2,\xff\n")
    for name, line in (("t.csv", 22), ("one.csv", 3)):
        with opened(name) as files:
            assert files[0].encoding is None
        with pytest.raises(DataError, match=rf"not UTF-8 text: line {line}\. Give its encoding"):
            tables.load(name)


def test_an_encoding_that_is_given_holds(work: Path) -> None:
    (work / "t.csv").write_bytes("a,b\n1,été\n".encode("latin-1"))

    assert tables.load("t.csv", "latin1").frame["b"].tolist() == ["été"]
    assert tables.load("t.csv", "mac-roman").frame["b"].tolist() == ["ÈtÈ"]
    with pytest.raises(DataError, match=r"t\.csv is not UTF-8 text: line 2"):
        tables.load("t.csv", "utf-8")
    with pytest.raises(DataError, match=r"t\.csv cannot be read: UTF-16 stream does not start"):
        tables.load("t.csv", "utf-16")
    with pytest.raises(ConfigurationError, match=r"no encoding 'latin-11'.*Did you mean 'latin"):
        tables.load("t.csv", "latin-11")
    for name in ("hex", "idna", "", "unicode_escape", "undefined", "\0"):
        if name:
            with pytest.raises(ConfigurationError, match="There is no encoding"):
                tables.load("t.csv", name)


def test_a_header_that_cannot_be_read_is_one_line(work: Path) -> None:
    (work / "t.csv").write_bytes(b"\xe9,b\n1,2\n3,4\n")
    with pytest.raises(DataError, match=r"t\.csv is not UTF-8 text: line 1"):
        tables.load("t.csv", "utf-8")


def test_training_on_a_latin_1_file_is_no_internal_error(work: Path) -> None:
    rows = "".join(f"{i % 7},{'höuse' if i % 2 else 'flat'},{i * 1.5}\n" for i in range(60))
    (work / "t.csv").write_bytes(f"größe,straße,y\n{rows}".encode("latin-1"))
    result = CliRunner().invoke(cli, ["train", "--data", "t.csv", "--target", "y"])

    assert result.exit_code == 0, result.stderr


@pytest.fixture
def model(shell: Shell) -> Path:
    """A model whose prediction is ten times the column größe."""
    X = pd.DataFrame({"größe": [1.0, 2.0, 3.0]})
    estimator = LinearRegression().fit(X, X["größe"] * 10)
    return saved(shell.folder / "model", estimator, X, serialization_format="skops")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["in.csv", "in.jsonl", "in.csv.gz"])
@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_scoring_reads_what_training_reads_and_writes_utf_8(
    shell: Shell, model: Path, name: str, encoding: str
) -> None:
    frame = FRAME.astype({"größe": object})
    frame.loc[1, "größe"] = "höch"
    written(shell.folder / name, encoding, frame)
    options = [
        "--model",
        str(model),
        "--input",
        name,
        "--on-error",
        "reject",
        "--no-track",
        "--max-rejects",
        "1",
    ]
    done = shell.score(*options, "--output", "o.csv")
    assert done.code == 0, done.err
    out = pd.read_csv(shell.folder / "o.csv")
    rejects = pd.read_csv(shell.folder / "o.csv.rejects.csv")

    assert f"The input is read as {encoding}, and written as UTF-8" in done.err
    assert out["straße"].tolist() == ["Köln", "plain"]
    assert out["prediction"].round(6).tolist() == [15, 30]
    assert rejects["reason"].tolist() == ["'höch' is not a number"]
    assert "höch" in rejects["row"][0]


@pytest.mark.filterwarnings("ignore")
def test_the_encoding_can_be_given_to_scoring(shell: Shell, model: Path) -> None:
    (shell.folder / "in.csv").write_bytes("größe,x\n1,\x8e\n2,\x81\n".encode("latin-1"))
    options = ["--model", str(model), "--input", "in.csv", "--no-track", "--output"]
    wrong = shell.score(*options, "o.csv", "--encoding", "cp12552")
    done = shell.score(
        *options, "o.jsonl", "--encoding", "cp1252", "--on-error", "reject", "--json"
    )

    assert wrong.code == 2
    assert "There is no encoding 'cp12552'. Did you mean 'cp125" in wrong.error
    assert (done.json["rows_out"], done.json["rows_rejected"]) == (1, 1)
    row = json.loads((shell.folder / "o.jsonl").read_text())
    assert (row["größe"], row["x"]) == (1.0, "Ž")
    rejects = pd.read_csv(shell.folder / "o.jsonl.rejects.csv")
    assert rejects["reason"].tolist() == ["it is not cp1252 text"]
