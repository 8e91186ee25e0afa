"""``labctl crossbar solve``: from a file to a file, and every file that it refuses."""

import contextlib
import io
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl import cli
from labctl.cli.exits import exit_code
from labctl.core.errors import LabError, ParameterError
from labctl.crossbar import case as cases

GOLDEN = Path(__file__).parents[1] / "data" / "crossbar"


def solve(*words):
    """Exit code and everything printed; in this process, because a start costs a second."""
    done = CliRunner().invoke(cli.app(["crossbar"]), ["crossbar", "solve", *map(str, words)], env={"COLUMNS": "200"})
    if isinstance(done.exception, LabError):
        return exit_code(done.exception), str(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def load(path):
    with np.load(path) as archive:
        return dict(archive)


def case(**changes):
    good = {"G": np.full((2, 3), 1e-4), "r_wl": 1.0, "r_bl": 2.0}
    for x, count in zip("LRTB", (2, 2, 3, 3), strict=True):
        good |= {f"term_{x}_v": np.zeros((1, count)), f"term_{x}_r": np.full(count, 0.0 if x in "LB" else np.inf)}
    good["term_L_v"] = np.array([[0.1, 0.2]])
    return {key: value for key, value in (good | changes).items() if value is not None}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.npz")), ids=lambda path: path.stem)
def test_a_golden_case_is_solved_into_a_file(path, tmp_path):
    out = tmp_path / "out.npz"
    code, said = solve(path, "--out", out)
    assert code == 0, said
    expected, found = load(path), load(out)
    assert set(found) == {"I_L", "I_R", "I_T", "I_B", "v_wl", "v_bl"}
    largest = max(np.abs(expected[f"I_{x}"]).max() for x in "LRTB")
    for x in "LRTB":
        assert found[f"I_{x}"].shape == expected[f"I_{x}"].shape
        assert np.abs(found[f"I_{x}"] - expected[f"I_{x}"]).max() <= 1e-9 * largest
    for key in ("v_wl", "v_bl"):
        np.testing.assert_allclose(found[key], expected[key], atol=1e-9)
    for word in ("largest current", "KCL residual", "time", str(out)):
        assert word in said
    assert [file.name for file in tmp_path.iterdir()] == ["out.npz"]


def test_the_console_script_prints_a_sentence_and_no_trace(tmp_path):
    words = [sys.executable, "-m", "labctl", "crossbar", "solve", str(tmp_path / "none.npz"), "--out", "out.npz"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "there is no file" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"G": None}, ["lacks G", "term_L_v"]),
        ({"r_wl": None, "r_bl": None}, ["lacks r_wl, r_bl"]),
        ({"term_B_r": None}, ["holds term_B_v but not term_B_r", "0 for ideal sources"]),
        ({"term_B_v": None}, ["lacks term_B_v", "give their volts"]),
        ({"term_D_r": 0.0}, ["holds term_D_r", "rename it"]),
        ({"R_wl": 1.0}, ["holds R_wl", "rename it"]),
        ({"G": np.full(6, 1e-4)}, ["G of", "(6,)", "(rows, columns)"]),
        ({"G": np.zeros((0, 3))}, ["(0, 3)"]),
        ({"G": np.full((2, 3), np.nan)}, ["G of", "NaN at (0, 0)"]),
        ({"G": np.full((2, 3), np.inf)}, ["inf S", "finite"]),
        ({"G": np.array([[1e-4, -2e-4, 1e-4]] * 2)}, ["(0, 1)", "-0.0002 S", "at least 0"]),
        ({"G": np.full((2, 3), 1e-4 + 1j)}, ["complex128", "real numbers"]),
        ({"G": np.full((2, 3), "1e-4")}, ["real numbers"]),
        ({"r_wl": -1.0}, ["r_wl of", "-1.0", "0 ohm or more"]),
        ({"r_bl": np.inf}, ["r_bl of", "inf"]),
        ({"r_bl": np.nan}, ["r_bl of", "NaN"]),
        ({"r_wl": np.ones(2)}, ["r_wl of", "(2,)", "one number"]),
        ({"term_L_r": np.zeros(3)}, ["term_L_r of", "(3,)", "shape (2,)"]),
        ({"term_L_r": np.array([1.0, -5.0])}, ["term_L_r of", "-5.0", "inf = floating"]),
        ({"term_T_r": np.full(3, np.nan)}, ["term_T_r of", "NaN"]),
        ({"term_L_v": np.zeros((1, 3))}, ["term_L_v of", "(1, 3)", "(P, 2)"]),
        ({"term_L_v": np.zeros((0, 2))}, ["term_L_v of", "(0, 2)"]),
        ({"term_L_v": np.array([[0.1, np.inf]])}, ["inf V", "finite"]),
        ({"term_L_v": np.zeros((2, 2)), "term_B_v": np.zeros((3, 3))}, ["term_L_v 2", "term_B_v 3", "as many"]),
        ({"term_L_r": np.full(2, np.inf), "term_B_r": np.full(3, np.inf)}, ["no line end", "not inf"]),
        ({"term_L_r": np.full(2, 1e-320)}, ["term_L_r of", "1e-320", "0, from 1e-15"]),
        ({"r_wl": 1e-320}, ["r_wl of", "1e-320", "0, or 1e-15"]),
        ({"r_wl": 0.0, "term_R_r": np.zeros(2)}, ["both ends", "some resistance"]),
        ({"state": np.zeros((2, 3))}, ["holds state", "not gp, tmr0, vh"]),
    ],
)
def test_a_case_that_cannot_be_solved_is_refused(changes, words, tmp_path):
    np.savez(tmp_path / "case.npz", **case(**changes))
    code, said = solve(tmp_path / "case.npz", "--out", tmp_path / "out.npz")
    assert code == 2, said
    for word in words:
        assert word in said
    assert not (tmp_path / "out.npz").exists()


FALLING = {"gp": np.full((2, 3), 1e-4), "tmr0": 1.0, "vh": 0.5, "state": np.zeros((2, 3), int)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": np.full((2, 3), 2)}, ["holds 2.0", "0 (parallel)"]),
        ({"state": np.zeros((3, 2))}, ["state of", "(3, 2)", "(2, 3)"]),
        ({"gp": np.full((2, 3), -1e-4)}, ["gp of", "-0.0001 S"]),
        ({"vh": 0.0}, ["0.0 V", "half_volts above 0"]),
        ({"tmr0": -1.0}, ["TMR of -1.0"]),
        ({"state": np.ones((2, 3))}, ["0.0001 S", "5e-05 S", "zero bias"]),
    ],
)
def test_a_nonlinear_case_that_contradicts_itself_is_refused(changes, words, tmp_path):
    np.savez(tmp_path / "good.npz", **case(**FALLING))
    assert solve(tmp_path / "good.npz", "--out", tmp_path / "good-out.npz")[0] == 0
    np.savez(tmp_path / "case.npz", **case(**FALLING | changes))
    code, said = solve(tmp_path / "case.npz", "--out", tmp_path / "out.npz")
    assert code == 2, said
    for word in words:
        assert word in said


def text(path):
    path.write_text("G = 1")


def bare_array(path):
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def empty(path):
    path.touch()


def other_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")


def cut_short(path):
    np.savez(path, **case())
    path.write_bytes(path.read_bytes()[:-100])


def damaged(path):
    np.savez(path, **case())
    data = bytearray(path.read_bytes())
    spot = data.index(np.float64(1e-4).tobytes())
    data[spot] ^= 0xFF
    path.write_bytes(data)


def damaged_where_it_is_packed(path):
    np.savez_compressed(path, **case())
    data = bytearray(path.read_bytes())
    data[data.index(b"G.npy") + 30] ^= 0xFF
    path.write_bytes(data)


def pipe(path):
    os.mkfifo(path)


def pickled(path):
    np.savez(path, **case(G=np.array([[None]], object)))


def folder(path):
    path.mkdir()


@pytest.mark.parametrize(
    "make",
    [text, bare_array, empty, other_zip, cut_short, damaged, damaged_where_it_is_packed, pickled, folder]
    + [pipe] * hasattr(os, "mkfifo"),
)
def test_a_file_that_is_no_case_is_refused(make, tmp_path):
    path = tmp_path / "case.npz"
    make(path)
    code, said = solve(path, "--out", tmp_path / "out.npz")
    assert code == 2, said
    assert "case.npz" in said
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_any_damaged_byte_is_told_in_words_or_harmless(save, tmp_path):
    path = tmp_path / "case.npz"
    save(path, **case())
    whole = path.read_bytes()
    for spot in range(0, len(whole), 11):
        data = bytearray(whole)
        data[spot] ^= 0xFF
        path.write_bytes(data)
        with contextlib.suppress(ParameterError):
            cases.read(path)


def test_an_array_beyond_the_memory_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "case.npz"
    np.savez(path, **case())
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (members | {"G.npy": header.getvalue()}).items():
            archive.writestr(name, data)
    code, said = solve(path, "--out", tmp_path / "out.npz")
    assert code == 2
    assert "1000000 x 1000000 cells" in said
    assert said.count(" GB") == 2
    np.savez(path, **case(G=np.full((200, 200), 1e-4)))
    code, said = solve(path, "--out", tmp_path / "out.npz", "--memory-gb", "0.001")
    assert code == 2
    assert "the limit is 0.001 GB" in said
    assert "--memory-gb" in said
    assert solve(path, "--out", tmp_path / "out.npz", "--memory-gb", "0")[0] == 2


def test_an_out_that_cannot_be_written_is_refused_before_solving(tmp_path):
    path = tmp_path / "case.npz"
    np.savez(path, **case())
    for out, says in ((tmp_path, "is a folder"), (tmp_path / "no" / "out.npz", "no folder"), (path, "the case itself")):
        code, said = solve(path, "--out", out)
        assert code == 2, said
        assert says in said
    if os.name == "posix" and os.geteuid() != 0:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
        assert "permission denied" in solve(path, "--out", closed / "out.npz")[1]
    assert "cannot be written" in solve(path, "--out", tmp_path / ("long" * 100))[1]


@pytest.mark.skipif(os.name != "posix", reason="has no pipes and devices in folders")
def test_only_a_file_is_replaced(tmp_path):
    path = tmp_path / "case.npz"
    np.savez(path, **case())
    pipe, link, loop = tmp_path / "pipe", tmp_path / "link", tmp_path / "loop"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    loop.symlink_to(loop)
    for out in (pipe, link, loop):
        code, said = solve(path, "--out", out)
        assert code == 2
        assert "stays what it is" in said
    assert loop.is_symlink()
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    # a link to a file, or to one that is still to be, stays a link
    for count in range(2):
        link.unlink()
        link.symlink_to(tmp_path / "out.npz")
        assert solve(path, "--out", link)[0] == 0, count
        assert link.is_symlink()
        assert "I_L" in load(tmp_path / "out.npz")
    assert {file.name for file in tmp_path.iterdir()} == {"case.npz", "pipe", "link", "loop", "out.npz"}


SHORTER = [
    {f"term_{x}_{what}": None for x in "RT" for what in "vr"},
    {"term_L_r": 0.0, "term_B_r": np.zeros(1), "term_T_r": np.inf},
    {"term_R_v": None, "term_T_v": None},
    {"term_R_v": np.full((1, 2), np.nan), "term_T_v": np.array([[np.inf, np.nan, 7.0]])},
    {"term_B_v": 0.0, "term_R_v": np.zeros((1, 1))},
]


@pytest.mark.parametrize("changes", SHORTER)
def test_what_can_mean_but_one_thing_may_be_left_out_or_short(changes, tmp_path):
    whole, short = tmp_path / "whole.npz", tmp_path / "short.npz"
    np.savez(whole, **case())
    np.savez(short, **case(**changes))
    found = []
    for path in (whole, short):
        assert solve(path, "--out", tmp_path / "out.npz")[0] == 0
        found.append(load(tmp_path / "out.npz"))
    for key, values in found[0].items():
        np.testing.assert_array_equal(values, found[1][key])


def test_one_number_per_vector_stands_for_all_ends_of_its_side(tmp_path):
    path, out = tmp_path / "case.npz", tmp_path / "out.npz"
    np.savez(path, **case(term_L_v=np.array([[0.1], [0.2]])))
    assert solve(path, "--out", out)[0] == 0
    found = load(out)
    np.testing.assert_allclose(found["I_B"][1], 2 * found["I_B"][0], rtol=1e-12)


def test_ohms_for_siemens_are_doubted(tmp_path):
    np.savez(tmp_path / "case.npz", **case(G=np.full((2, 3), 1e4)))
    code, said = solve(tmp_path / "case.npz", "--out", tmp_path / "out.npz")
    assert code == 0, said
    assert "were ohms meant?" in said


def test_other_members_are_named_and_ignored(tmp_path):
    path, out = tmp_path / "case.npz", tmp_path / "out.npz"
    np.savez(path, **case(sel=np.array([0, 1]), I_L=np.zeros((1, 2)), who=np.array(["me"])))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("README.txt", "made on a Monday")
    code, said = solve(path, "--out", out)
    assert code == 0, said
    assert "README.txt, sel, who: ignored" in said
    assert "ignored" not in solve(GOLDEN / "vmm_4x4.npz", "--out", out)[1]


def test_lines_that_no_source_reaches_have_no_current_and_no_volts(tmp_path):
    path, out = tmp_path / "case.npz", tmp_path / "out.npz"
    siemens = np.array([[1e-4, 0.0, 1e-4], [0.0, 0.0, 0.0]])
    ends = {"term_L_r": np.array([0.0, np.inf]), "term_B_r": np.array([0.0, np.inf, 5.0])}
    np.savez(path, **case(G=siemens, **ends))
    code, said = solve(path, "--out", out)
    assert code == 0, said
    assert "word line 1, bit line 1" in said
    found = load(out)
    assert np.isnan(found["v_wl"]).tolist() == [[False] * 3, [True] * 3]
    assert np.isnan(found["v_bl"]).tolist() == [[False, True, False]] * 2
    assert found["I_L"][0, 1] == found["I_B"][0, 1] == 0
    assert found["I_L"][0, 0] == pytest.approx(-found["I_B"].sum(), rel=1e-12)
    falling = {"gp": siemens, "tmr0": 1.0, "vh": 0.5, "state": np.zeros((2, 3))}
    np.savez(path, **case(G=siemens, **ends, **falling))
    assert solve(path, "--out", out)[0] == 0
    np.testing.assert_allclose(load(out)["I_B"], found["I_B"], rtol=1e-9, atol=1e-18)


def test_one_vector_may_be_given_without_its_own_axis_and_is_used_for_all(tmp_path):
    path, out = tmp_path / "case.npz", tmp_path / "out.npz"
    np.savez(path, **case(term_L_v=np.array([[0.1, 0.2], [0.3, 0.4]]), term_B_v=np.zeros(3)))
    assert solve(path, "--out", out)[0] == 0
    found = load(out)
    assert found["I_B"].shape == (2, 3)
    assert solve(path, "--out", out)[0] == 0  # replaced
