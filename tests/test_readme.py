"""The README's own commands, executed as they stand, in a fresh clone with a fresh virtual environment."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.readme


def block(marker: str) -> str:
    """The first ``sh`` block of the README that contains ``marker``."""
    return next(text for text in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if marker in text)


def sh(script: str, cwd: Path, timeout: float = 600) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LABCTL_", "VIRTUAL_ENV", "PYTHON"))}
    environment |= {"HOME": str(cwd), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh clone of what is committed, installed and shown by the README's pip lines."""
    folder = tmp_path_factory.mktemp("clone") / "labctl"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    sh(block("pip install").replace("python3 -m venv", f"{sys.executable} -m venv"), folder)
    return folder


def test_the_pip_lines_end_in_a_report(clone):
    page = (clone / "labctl-demo" / "report.html").read_text(encoding="utf-8")
    assert "Simulated" in page
    assert page.count("data:image/png") >= 6


@pytest.fixture(scope="module")
def service(clone):
    """``labctl serve`` as the README starts it."""
    words = block("labctl serve").split()
    environment = {**os.environ, "HOME": str(clone)}
    log = (clone / "serve.log").open("wb")
    process = subprocess.Popen(words, cwd=clone, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen("http://127.0.0.1:8000/v1/benches") as answer:
                if b'"demo"' in (body := answer.read()) and b'"sampler"' in body:
                    break
            assert process.poll() is None, (clone / "serve.log").read_text()
            subprocess.run(["sleep", "0.1"], check=True)
        yield process
    finally:
        process.send_signal(2)
        process.wait(30)
        log.close()
        shutil.rmtree(clone / "labctl-home", ignore_errors=True)


@pytest.mark.usefixtures("service")
def test_curl_submits_a_job_and_fetches_its_result(clone):
    out = sh(block("curl"), clone)
    assert '"succeeded"' in out
    assert '"p_switch"' in out


@pytest.mark.usefixtures("service")
def test_the_command_line_does_what_the_readme_says(clone):
    out = sh(block("labctl submit"), clone)
    assert "succeeded" in out
    assert (clone / "bits.bin").stat().st_size == 1024
    assert (clone / "digits.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("service")
def test_the_notebook_lines_run(clone):
    code = next(text for text in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "Client" in text)
    (clone / "notebook.py").write_text(code + "\nprint(len(curve), len(bits))\n")
    assert sh(".venv/bin/python notebook.py", clone).split() == ["25", "65536"]


def test_a_bench_is_made_safe_by_hand(clone):
    words = block("labctl safe").replace("safe demo", "safe demo --home elsewhere")  # an agent may own the other one
    assert sh(words, clone).count("at rest") == 4
