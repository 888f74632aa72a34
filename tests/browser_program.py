"""Look at a report in Chromium, as a reader would; run in an environment that has Playwright.

python browser_program.py CHROMIUM REPORT_FILE [ADDRESS_IN_MLFLOW]
"""

# ruff: noqa: T201 - a program of assertions, whose output is the test's

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

WIDTHS = (360, 768, 1440)


def main(browser_path: str, report: str, address: str | None = None) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                _look(browser, report, width, scheme)
        _without_scripts(browser, report)
        if address is not None:
            _inside_mlflow(browser, address)
        browser.close()
    print("seen")


def _look(browser: Any, report: str, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(Path(report).as_uri())
    # Nothing but tables and code may be wider than the page, and those scroll by themselves.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for link in page.locator("nav a").all():
        link.click()
        target = page.locator(str(link.get_attribute("href")))
        assert target.is_visible()
    assert all(_drawn(page))
    _sorts(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert said == [], said
    context.close()


def _sorts(page: Any) -> None:
    """Sort the candidates by their number, up and down."""
    table = page.locator("section[aria-labelledby=candidates] table")
    button = table.locator("th button", has_text="Number")
    numbers = "rows => rows.map(row => Number(row.cells[0].textContent))"
    for order in ("ascending", "descending"):
        button.click()
        assert table.locator("th").first.get_attribute("aria-sort") == order
        shown = table.locator("tbody tr").evaluate_all(numbers)
        assert shown == sorted(shown, reverse=order == "descending")
        assert len(shown) > 1


def _without_scripts(browser: Any, report: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(Path(report).as_uri())
    for name in ("metrics", "advice", "plots", "candidates", "data", "next"):
        assert page.locator(f"#{name}").is_visible()
    assert page.locator("tbody tr").count() > 5
    context.close()


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
