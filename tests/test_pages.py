"""The pages in a real browser, with the network of this machine only: what a person would see is there."""

import shutil
import subprocess

import pytest

from labctl.cli import stack
from labctl.client import Client

pytestmark = pytest.mark.browser

QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=15000",
    "--dump-dom",
]


def page(url: str, tmp_path) -> str:
    """The document after its scripts have run."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "no Chromium on this machine; install it (Debian: apt-get install chromium)"
    words = [chromium, *QUIET, f"--user-data-dir={tmp_path}", url]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with stack.running(tmp_path_factory.mktemp("home"), ["demo"], 0, logs=True) as running:
        with Client(running.url) as client:
            while not client.benches():
                running.check()
            client.wait(client.submit("identify", {}, bench="demo").id)
        yield running.url


def test_the_interactive_api_page_shows_the_operations_without_internet(service, tmp_path):
    shown = page(f"{service}/docs", tmp_path)
    for operation in ("/v1/jobs", "/v1/draws", "/v1/bits", "Submit"):
        assert operation in shown
    assert "opblock" in shown  # drawn by the page's script, not part of its source
    assert "https://cdn" not in shown


def test_the_front_page_leads_on(service, tmp_path):
    shown = page(service, tmp_path)
    assert "/docs" in shown
    assert "labctl" in shown
