"""Routing: never hot, never floating, never two sources on one line but the pair that is allowed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.bench.routing import ArrayRouter
from labctl.bench.wiring import Contact, Wiring
from labctl.core.device import ArrayPort, Crosspoint, Line
from labctl.core.errors import EnvelopeError, InstrumentError, ParameterError

WIRING = Wiring(
    word_lines=tuple(Contact(1, column) for column in (1, 2, 3)),
    bit_lines=(Contact(1, 4), Contact(2, 1)),
    rows={"pulser": 1, "smu": 2, "digitizer": 3, "ground": 8},
    sense_ohms=1e4,
)
LINES = list(WIRING.lines)
ROUTES = st.dictionaries(st.sampled_from(["pulser", "smu", "digitizer"]), st.sampled_from(LINES))


@pytest.fixture
def bench(fakes, world):
    return build(fakes)


def build(fakes, **live):
    matrix = fakes.Matrix(None, "matrix")
    pulser = fakes.Pulser(None, "pulser", live=live.get("pulser", False))
    smu = fakes.Meter(None, "smu", live=live.get("smu", False))
    return matrix, ArrayRouter(matrix, WIRING, {"pulser": pulser, "smu": smu})


def contacts(closed):
    return {(point.slot, point.column) for point in closed}


def test_it_is_an_array_port(bench):
    _, router = bench
    assert isinstance(router, ArrayPort)
    assert (router.rows, router.cols, router.sense_ohms) == (3, 2, 1e4)


@given(st.lists(ROUTES, min_size=1, max_size=6))
def test_after_any_routes_the_last_one_stands_and_no_line_ever_floated(fakes_class, routes):
    matrix, router = build(fakes_class)
    router.ground()
    for route in routes:
        matrix.history.clear()
        router.route(route)
        wanted = {WIRING.crosspoint(role, line) for role, line in route.items()}
        wanted |= {WIRING.crosspoint("ground", line) for line in LINES if line not in route.values()}
        assert matrix.closed() == wanted
        for _, _, closed in matrix.history:
            assert contacts(closed) == contacts(WIRING.grounds())
        assert [verb for verb, *_ in matrix.history] == sorted(verb for verb, *_ in matrix.history), "closes come first"


@pytest.fixture(scope="module")
def fakes_class(request):
    from types import SimpleNamespace

    plugin = next(
        p for p in request.config.pluginmanager.get_plugins() if getattr(p, "STATION", None) and hasattr(p, "Matrix")
    )
    return SimpleNamespace(Pulser=plugin.Pulser, Meter=plugin.Meter, Matrix=plugin.Matrix)


@pytest.mark.parametrize("role", ["pulser", "smu"])
def test_no_relay_moves_while_a_source_is_live(fakes, world, role):
    matrix, router = build(fakes, **{role: True})
    with pytest.raises(EnvelopeError, match=f"the {role} reports a live output"):
        router.route({"digitizer": Line("bit", 0)})
    assert matrix.history == []


def test_moving_lines_touch_ground_before_their_new_instrument(bench):
    matrix, router = bench
    router.route({"pulser": Line("word", 0)})
    matrix.history.clear()
    router.route({"smu": Line("word", 0)})
    ground, smu, pulser = (WIRING.crosspoint(name, Line("word", 0)) for name in ("ground", "smu", "pulser"))
    moves = [(verb, sorted(points)) for verb, points, _ in matrix.history]
    assert moves == [("close", [ground]), ("close", [smu]), ("open", sorted([pulser, ground]))]


def test_nothing_moves_when_nothing_changes(bench):
    matrix, router = bench
    router.route({"pulser": Line("word", 0)})
    matrix.history.clear()
    router.route({"pulser": Line("word", 0)})
    assert matrix.history == []


def test_relays_that_are_no_ones_are_opened(bench):
    matrix, router = bench
    stray = {Crosspoint(3, 1, 5), Crosspoint(3, 2, 5)}  # pulser and source-meter joined on an unused column
    matrix.points |= stray
    router.route({})
    assert not matrix.closed() & stray


def test_a_pulser_and_its_voltmeter_may_share_a_line(bench):
    matrix, router = bench
    router.route({"pulser": Line("word", 1), "smu": Line("word", 1)})
    assert {Crosspoint(1, 1, 2), Crosspoint(1, 2, 2)} <= matrix.closed()


def test_two_generators_may_not(fakes, world):
    matrix = fakes.Matrix(None, "matrix")
    sources = {name: fakes.Pulser(None, name) for name in ("pulser", "smu")}
    with pytest.raises(EnvelopeError, match="against each other"):
        ArrayRouter(matrix, WIRING, sources).route({"pulser": Line("word", 1), "smu": Line("word", 1)})


def test_what_the_station_excludes_never_shares_a_line(fakes, world):
    matrix = fakes.Matrix(None, "matrix")
    wiring = replace(WIRING, exclusions=(frozenset({"pulser", "smu"}),))
    router = ArrayRouter(matrix, wiring, {})
    with pytest.raises(EnvelopeError, match=r"pulser and smu must never share a line.*word line 1"):
        router.route({"pulser": Line("word", 1), "digitizer": Line("bit", 0), "smu": Line("word", 1)})
    assert matrix.history == []
    router.route({"pulser": Line("word", 1), "smu": Line("word", 2)})


@pytest.mark.parametrize("line", [Line("word", 3), Line("bit", -1), Line("diagonal", 0)])
def test_a_line_that_is_not_there_is_refused(bench, line):
    matrix, router = bench
    with pytest.raises(ParameterError, match="word lines 0 to 2 and bit lines 0 to 1"):
        router.route({"pulser": line})
    assert matrix.history == []


@pytest.mark.parametrize("role", ["ground", "magnet"])
def test_an_instrument_that_is_not_wired_is_refused(bench, role):
    with pytest.raises(ParameterError, match="wired are: digitizer, pulser, smu"):
        bench[1].route({role: Line("word", 0)})


def test_a_relay_that_did_not_move_is_named(bench):
    matrix, router = bench
    router.ground()
    matrix.stuck = {Crosspoint(1, 1, 1), Crosspoint(1, 8, 1)}
    with pytest.raises(InstrumentError, match="1A01 did not close, 1H01 did not open"):
        router.route({"pulser": Line("word", 0)})


def test_on_the_way_to_safety_nothing_is_released_while_a_source_may_be_live(bench):
    matrix, router = bench
    router.route({"pulser": Line("word", 0)})
    router.ground(release=False)
    assert matrix.closed() == WIRING.grounds() | {WIRING.crosspoint("pulser", Line("word", 0))}
    router.ground()
    assert matrix.closed() == WIRING.grounds()
