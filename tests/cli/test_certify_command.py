"""``labctl certify`` on files: verdicts, exit codes, JSON and page; and files that are no bits."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl import cli
from labctl.cli.exits import exit_code
from labctl.core.errors import LabError


def certify(*words):
    """Exit code and everything printed; in this process, because a start costs a second."""
    done = CliRunner().invoke(cli.app(["certify"]), ["certify", *map(str, words)], env={"COLUMNS": "400"})
    if isinstance(done.exception, LabError):
        return exit_code(done.exception), str(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def written(path, ones=0.5, n=400_000, seed=1):
    values = (np.random.default_rng(seed).random(n) < ones).astype(np.uint8)
    path.write_bytes(np.packbits(values).tobytes())
    return values


def results(path):
    return {(row["suite"], row["sequence"], row["test"], row["variant"]): row for row in json.loads(path.read_text())}


def test_good_bits_pass_and_every_result_is_in_the_json(tmp_path):
    written(tmp_path / "good.bits")
    code, said = certify(tmp_path / "good.bits", "--json", tmp_path / "out.json")
    assert code == 0, said
    assert "passed" in said
    rows = json.loads((tmp_path / "out.json").read_text())
    assert len(rows) == 188
    assert list(rows[0])[:4] == ["test", "variant", "p_value", "status"]
    assert {row["status"] for row in rows} <= {"passed", "failed", "not_applicable"}
    assert all((row["p_value"] is None) == (row["status"] == "not_applicable") for row in rows)


def test_the_form_of_the_file_makes_no_difference(tmp_path):
    values = written(tmp_path / "packed", n=40_000)
    (tmp_path / "ascii").write_text(" \n".join(map(str, values)))
    (tmp_path / "bytes01").write_bytes(values.tobytes())
    found = []
    for form in ("packed", "ascii", "bytes01"):
        assert certify(tmp_path / form, "--format", form, "--json", tmp_path / "out.json")[0] == 0
        found.append(results(tmp_path / "out.json"))
    assert found[0] == found[1] == found[2]


def test_biased_bits_fail(tmp_path):
    written(tmp_path / "bad.bits", ones=0.51)
    code, said = certify(tmp_path / "bad.bits")
    assert (code, "failed" in said) == (7, True)


@pytest.mark.parametrize("value", [0, 255])
def test_a_stuck_source_fails_every_suite(tmp_path, value):
    (tmp_path / "stuck").write_bytes(bytes([value]) * 255_000)
    code, said = certify(tmp_path / "stuck", "--suite", "all", "--workers", 1)
    assert code == 7
    assert said.count("failed ") >= 3, said


def test_too_few_bits_are_not_judged(tmp_path):
    written(tmp_path / "few.bits", n=80_000)
    code, said = certify(tmp_path / "few.bits", "--suite", "sp800-90b")
    assert (code, "not applicable" in said, "1,000,000 bits" in said) == (3, True, True)


@pytest.mark.parametrize("n", [8, 104, 128, 504, 800])
def test_short_sequences_are_not_judged_by_p_values_that_are_none(tmp_path, n):
    """Perfect bits of 100 fail every time by some template's P-value, and one bit passes whatever can be applied."""
    written(tmp_path / "few.bits", n=n)
    code, said = certify(tmp_path / "few.bits", "--report", tmp_path / "page.html")
    assert (code, "too short to be judged" in said) == (3, True), said
    assert "Too few bits to judge</h1>" in (tmp_path / "page.html").read_text()


def test_between_few_and_enough_the_simple_tests_judge(tmp_path):
    written(tmp_path / "good.bits", n=8000)
    code, said = certify(tmp_path / "good.bits")
    assert (code, "of 5 P-values" in said, "too coarse for 8,000 bits" in said) == (0, True, True), said
    (tmp_path / "stuck.bits").write_bytes(b"\xff" * 1000)
    assert certify(tmp_path / "stuck.bits")[0] == 7


def test_all_suites_pass_only_when_all_could_judge(tmp_path):
    written(tmp_path / "some.bits", n=100_000)
    code, said = certify(tmp_path / "some.bits", "--suite", "all", "--workers", 1)
    assert (code, "passed" in said, said.count("not applicable")) == (3, True, 2), said


def test_a_full_disk_costs_the_file_and_not_the_verdict(tmp_path):
    """The limit on the size of a file stands in for the disk: writing fails in the same place."""
    written(tmp_path / "good.bits", n=400_000)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, usual[1]))
    try:
        words = ["certify", str(tmp_path / "good.bits"), "--bits", "100000", "--sequences", "4", "--workers", "1"]
        done = CliRunner().invoke(cli.app(["certify"]), [*words, "--json", str(tmp_path / "out.json")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert isinstance(done.exception, OSError)
    assert str(tmp_path / "out.json") in str(done.exception)
    assert done.output.startswith("passed")
    assert [each.name for each in tmp_path.iterdir()] == ["good.bits"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_no_worker(tmp_path, number):
    (tmp_path / "many.txt").write_bytes(b"01101" * 4_000_000)
    (tmp_path / "scratch").mkdir()
    words = [
        sys.executable,
        "-m",
        "labctl",
        "certify",
        "many.txt",
        "--format",
        "ascii",
        "--suite",
        "sp800-90b",
        "--bits",
        "20000",
    ]
    with subprocess.Popen(
        [*words, "--sequences", "1000", "--workers", "2"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path / "scratch")},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    ) as command:
        wait_for(lambda: len(group(command.pid)) >= 3, "the workers to start")
        command.send_signal(number)
    wait_for(lambda: not group(command.pid), "the workers to end")
    if number == signal.SIGTERM:
        assert command.returncode == 130
        assert list((tmp_path / "scratch").iterdir()) == []


def group(leader):
    """Processes whose group is that of ``leader``, those that are no more but not yet fetched left out."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, own = status.read_text().rpartition(")")[2].split()[:3]
            if int(own) == leader and state != "Z":
                found.append(status)
    return found


def wait_for(happened, what, seconds=60.0):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


def test_sequences_are_the_same_alone_in_processes_and_together(tmp_path):
    """Three of 20,000 bits: cut by us, cut by the command over one process, and over two."""
    values = written(tmp_path / "all.bits", n=60_001)
    assert (
        certify(tmp_path / "all.bits", "--bits", 20_000, "--sequences", 3, "--workers", 2, "--json", tmp_path / "2")[0]
        == 0
    )
    assert (
        certify(tmp_path / "all.bits", "--bits", 20_000, "--sequences", 3, "--workers", 1, "--json", tmp_path / "1")[0]
        == 0
    )
    together = results(tmp_path / "1")
    assert together == results(tmp_path / "2")
    for number in range(3):
        (tmp_path / "one").write_bytes(np.packbits(values[20_000 * number :][:20_000]).tobytes())
        assert certify(tmp_path / "one", "--json", tmp_path / "one.json")[0] == 0
        alone = results(tmp_path / "one.json")
        assert {key: row["p_value"] for key, row in alone.items()} == {
            (suite, 0, *rest): row["p_value"] for (suite, k, *rest), row in together.items() if k == number
        }


def test_bits_that_are_left_over_are_counted(tmp_path):
    written(tmp_path / "some.bits", n=50_000)
    assert "30,000 of 50,000 bits were not looked at" in certify(tmp_path / "some.bits", "--bits", 20_000)[1]


def test_the_page_shows_verdicts_plots_and_what_failed(tmp_path):
    written(tmp_path / "bad.bits", ones=0.51)
    certify(
        tmp_path / "bad.bits", "--bits", 100_000, "--sequences", 4, "--workers", 1, "--report", tmp_path / "page.html"
    )
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert ">Failed</h1>" in page
    assert "What did not pass" in page
    assert "http" not in page.split("</head>")[1]  # nothing is fetched from anywhere


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing.bits"], "does not exist"),
        ([".", "--suite", "all"], "is no file"),
        (["{file}", "--suite", "diehard"], "no suite 'diehard'; choose from sp800-22, sp800-90b, ais31 and all"),
        (["{file}", "--bits", "0"], "sequences of 0 bits"),
        (["{file}", "--bits", "4001"], "1 sequences of 4,001 bits were asked for; there are 0 in the 4,000 bits"),
        (["{file}", "--bits", "1000", "--sequences", "5"], "there are 4"),
        (["{file}", "--sequences", "0"], "0 sequences"),
        (["{file}", "--min-entropy", "1.5"], "between 0 and 1"),
        (["{file}", "--json", "no/where.json"], "make it first"),
        (["{file}", "--format", "bytes01"], "neither 0 nor 1"),
        (["{file}", "--json", "file.bits"], "holds the bits"),
        (["{file}", "--report", "."], "is no file"),
        (["{file}", "--report", "a", "--json", "a"], "its own file"),
        (["nothing", "--format", "ascii"], "no file 'nothing'"),
    ],
)
def test_a_wrong_request_gets_a_sentence(tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "file.bits", n=4000)
    code, said = certify(*(word.format(file="file.bits") for word in words))
    assert code == 2, said
    assert says in said
    assert [each.name for each in tmp_path.iterdir()] == ["file.bits"]
