"""The demo, as `labctl demo` runs it: real processes, the REST API alone, and a report at the end."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_the_demo_ends_in_a_report_that_accounts_for_every_bit(tmp_path):
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "labctl", "demo", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # 8 healthy: 104 blocks, each with false alarms of about 2^-30 per bit (SP 800-90B): p < 0.02 that one is refused
    assert "13,631,488 from 8 junctions (8 healthy), 12,794,880 drawn, 836,608 left" in done.stdout
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/png;base64,') == 7
    assert "not</b> true-random" in page
    assert not re.search(r'(src|href)="https?://', page), "the report must be complete in itself"
    assert page.count("<td>succeeded</td>") == 10
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html"]
    cutter = Path(__file__).parents[2] / "docs" / "readme_pictures.py"
    words = [sys.executable, str(cutter), str(tmp_path / "out" / "report.html"), "--out", str(tmp_path)]
    subprocess.run(words, check=True, timeout=60)
    assert all((tmp_path / name).stat().st_size > 5_000 for name in ("digits.png", "switching-curve.png"))
