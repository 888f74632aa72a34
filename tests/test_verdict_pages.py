"""The gate's verdict as a page: what the record says, for people."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from tests.conftest import Shell
from tests.promotions import registered


def test_a_refusal_is_a_page_with_the_numbers_of_the_record(shell: Shell) -> None:
    registered(shell, "prices", alpha=0.01)
    registered(shell, "prices", alpha=0.5)
    assert shell.mlproject("models", "promote", "prices", "--version", "1").code == 0
    done = shell.mlproject(
        *("models", "promote", "prices", "--slice-by", "group", "--slice-rows", "5", "--json")
    )
    assert done.code == 6
    run_id = re.findall(r"[0-9a-f]{32}", done.json["error"])[-1]
    (folder,) = (shell.folder / "mlruns").glob(f"*/{run_id}/artifacts")
    page = (folder / "verdict.html").read_text(encoding="utf-8")
    record = json.loads((folder / "verdict.json").read_text())

    assert "version 2 is not “champion”" in page
    shown = html.unescape(page)
    for check in done.json["checks"]:
        result = "passed" if check["passed"] else "failed"
        assert f'<td>{result}</td><td class="t">{check["what"]}</td>' in shown
    for part in record["slices"]:
        assert f'<td class="t">{part["value"]}</td><td class="n">{part["rows"]}</td>' in page
    assert page.count("<img ") == 2
    assert "http" not in re.sub(r"data:[^\"]*", "", page)


def test_a_first_champion_has_a_page_too(shell: Shell) -> None:
    registered(shell, "prices")
    assert shell.mlproject("models", "promote", "prices").code == 0
    (page,) = (shell.folder / "mlruns").glob("*/*/artifacts/verdict.html")
    assert Path(page).read_text(encoding="utf-8").count("no champion yet") >= 3
