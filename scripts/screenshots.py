"""Take the pictures that the pages show, with Chromium (Debian's package ``chromium``).

make screenshots
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
_WIDTH = 1200
# Rows to score: some are of other patients than those of training, and one is no row.
_ROWS = """\
from sklearn.datasets import load_diabetes

rows = load_diabetes(as_frame=True).data.query("bmi > -0.02").astype(object)
rows.iloc[3, 2] = "n.a"
rows.to_csv("new.csv", index=False)
"""


def main() -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("Error: there is no Chromium. Install it: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train = ("-m", "training", "--run-name")
        report, first = _trained(folder, *train, "five-penalties")
        _, second = _trained(folder, *train, "two-penalties", "--param", "model__alpha=1,2")
        _run(folder, "-c", _ROWS)
        scored = ("--run-id", first, "--input", "new.csv", "--output", "scored.csv")
        _run(folder, "-m", "inference", *scored, "--on-error", "reject")
        (scoring,) = folder.glob("mlruns/*/*/artifacts/scoring.html")
        page = folder / "comparison.html"
        _run(folder, "-m", "mlproject", "runs", "compare", first, second, "--html", str(page))
        for source, height in ((report, 1400), (scoring, 1030), (page, 1050)):
            shown = source.read_text(encoding="utf-8").replace(str(folder), "/home/me/project")
            source.write_text(shown, encoding="utf-8")
            command = [browser, "--headless=new", "--no-sandbox", "--hide-scrollbars"]
            command += [f"--window-size={_WIDTH},{height}", "--disable-gpu"]
            command += [f"--user-data-dir={folder}/browser"]
            command += [f"--screenshot={IMAGES / source.stem}.png", source.as_uri()]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def _run(folder: Path, *words: str) -> str:
    """Run Python in the folder, and return what it has printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "MLFLOW_TRACKING_URI": "local"}
    return subprocess.check_output(
        [sys.executable, *words], cwd=folder, env=environment, text=True, encoding="utf-8"
    )


def _trained(folder: Path, *words: str) -> tuple[Path, str]:
    """Train, and return the report and the id of the run."""
    run_id: str = json.loads(_run(folder, *words, "--json"))["run_id"]
    (report,) = folder.glob(f"mlruns/*/{run_id}/artifacts/report.html")
    return report, run_id


if __name__ == "__main__":
    main()
