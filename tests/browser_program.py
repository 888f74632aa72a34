"""Look at pages in Chromium, as a reader would; run in an environment that has Playwright.

python browser_program.py CHROMIUM PAGE... [ADDRESS_OF_A_REPORT_IN_MLFLOW]
"""

# ruff: noqa: T201 - a program of assertions, whose output is the test's

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

WIDTHS = (360, 768, 1440)


def main(browser_path: str, *pages: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for page in pages:
            if page.startswith("http"):
                _inside_mlflow(browser, page)
                continue
            for scheme in ("light", "dark"):
                for width in WIDTHS:
                    _look(browser, page, width, scheme)
            _without_scripts(browser, page)
        browser.close()
    print("seen")


def _look(browser: Any, path: str, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    seen = f"{path} in {scheme} colours, {width} wide"
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(Path(path).as_uri())
    # Nothing but tables and code may be wider than the page, and those scroll by themselves.
    assert page.evaluate("document.documentElement.scrollWidth") <= width, seen
    for link in page.locator("nav a").all():
        link.click()
        target = page.locator(str(link.get_attribute("href")))
        assert target.is_visible(), seen
    assert all(_drawn(page)), seen
    for table in page.locator("table.sortable").all():
        _sorts(table)
    found = Axe().run(page)
    assert found.violations_count == 0, f"{seen}: {found.generate_report()}"
    assert said == [], f"{seen}: {said}"
    context.close()


def _sorts(table: Any) -> None:
    """Sort a table by its first column of numbers, up and down."""
    head = table.locator("th.n").first
    place = head.evaluate("head => head.cellIndex")
    numbers = f"rows => rows.map(row => parseFloat(row.cells[{place}].textContent) || 0)"
    for order in ("ascending", "descending"):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == order
        shown = table.locator("tbody tr").evaluate_all(numbers)
        assert shown == sorted(shown, reverse=order == "descending")
        assert len(shown) > 1


def _without_scripts(browser: Any, path: str) -> None:
    """All that the page says is there, in the same order, when no script has run."""
    told = []
    for scripts in (True, False):
        context = browser.new_context(java_script_enabled=scripts)
        page = context.new_page()
        page.goto(Path(path).as_uri())
        assert all(section.is_visible() for section in page.locator("section").all())
        told.append(page.locator("body").inner_text())
        context.close()
    assert told[0] == told[1]
    assert len(told[0]) > 500


def _inside_mlflow(browser: Any, address: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(address)
    frame = page.frame_locator("iframe")
    frame.locator("#metrics").wait_for(timeout=60_000)
    assert len(_drawn(frame)) > 4
    assert all(_drawn(frame))
    page.close()


def _drawn(page: Any) -> list[bool]:
    """Return of each plot whether it is drawn."""
    drawn = "images => images.map(image => image.complete && image.naturalWidth > 0)"
    return list(page.locator("figure img").evaluate_all(drawn))


if __name__ == "__main__":
    main(*sys.argv[1:])
