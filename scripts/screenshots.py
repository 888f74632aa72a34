"""Take the pictures that the pages show, with Chromium (Debian's package ``chromium``).

make screenshots
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
_WIDTH, _HEIGHT = 1200, 1500


def main() -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("Error: there is no Chromium. Install it: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        train = [sys.executable, "-m", "training", "--tracking", "local", "--quiet"]
        subprocess.run(train, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        (report,) = Path(folder).glob("mlruns/*/*/artifacts/report.html")
        command = [browser, "--headless=new", "--no-sandbox", "--hide-scrollbars"]
        command += [f"--window-size={_WIDTH},{_HEIGHT}", "--disable-gpu"]
        command += [f"--user-data-dir={folder}/browser", f"--screenshot={IMAGES / 'report.png'}"]
        subprocess.run([*command, report.as_uri()], check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
