"""Bits: counted when they are on the disk, handed out once, traced to their junction for ever."""

import hashlib
import shutil
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from labctl.core.bits import Bits, Origin
from labctl.core.errors import BitsRefused, DatabaseError, LeaseLost, NotEnoughBits, NotFound, ParameterError
from labctl.ledger.bits import AlreadyTaken
from labctl.ledger.engine import open_ledger
from labctl.ledger.tables import draw_parts, segments
from labctl.ledger.values import State


def fresh(n_bits, seed=1, origin=Origin.HARDWARE):
    return Bits.of(np.random.default_rng(seed).integers(0, 2, n_bits), origin)


def deposit(ledger, job, bits, *, epoch=1, healthy=True, row=0, col=0):
    return ledger.bits.deposit(job.id, epoch, bits, row, col, healthy, {"volts": 0.9})


def test_bits_go_in_and_come_out_once_with_their_story(running, bench):
    bits = fresh(1003)
    deposit(bench, running, bits, row=2, col=5)
    draw = bench.bits.draw(64, "sampler", "noise")
    second = bench.bits.draw(128, "sampler", "more noise")
    assert bench.bits.take(second.id).packed == bits.packed[8:24]
    taken = bench.bits.take(draw.id)
    assert (taken.packed, taken.origin) == (bits.packed[:8], Origin.HARDWARE)
    with pytest.raises(AlreadyTaken, match="replay"):
        bench.bits.take(draw.id)
    replayed = bench.bits.replay(draw.id)
    assert (replayed.packed, replayed.origin) == (taken.packed, Origin.RECORDED)
    (part,) = bench.bits.audit(second.id)
    assert (part.row, part.col, part.job, part.start_bit, part.stop_bit) == (2, 5, running.id, 64, 192)
    assert (part.details, part.sha256) == ({"volts": 0.9}, bits.sha256())
    (line,) = bench.bits.account()
    assert (line.deposited, line.drawn, line.drawable, line.odd, line.unhealthy) == (1003, 192, 808, 3, 0)


def test_the_file_is_named_by_its_digest(running, bench, tmp_path):
    bits = fresh(64)
    segment = deposit(bench, running, bits)
    content = (tmp_path / segment.path).read_bytes()
    assert hashlib.sha256(content).hexdigest() == segment.sha256 == bits.sha256()


def test_a_draw_runs_over_segments_in_the_order_of_their_deposit(running, bench):
    pieces = [fresh(n_bits, seed) for seed, n_bits in enumerate([20, 9, 16, 800])]
    for piece in pieces:
        deposit(bench, running, piece)
    draw = bench.bits.draw(64, "me", "all over")
    whole = b"".join(piece.packed[: piece.count // 8] for piece in pieces)
    assert bench.bits.take(draw.id).packed == whole[:8]
    assert [part.stop_bit - part.start_bit for part in bench.bits.audit(draw.id)] == [16, 8, 16, 24]


def test_the_same_bytes_twice_are_a_broken_source(running, bench):
    deposit(bench, running, fresh(512))
    with pytest.raises(BitsRefused, match="these very bits were deposited before"):
        deposit(bench, running, fresh(512))
    with pytest.raises(BitsRefused, match="before"):
        deposit(bench, running, fresh(512, origin=Origin.SIMULATED))
    assert bench.bits.account()[0].deposited == 512


def test_two_stuck_junctions_are_both_evidence(running, bench):
    stuck = Bits.of(np.zeros(512, int), Origin.HARDWARE)
    for row in (0, 1):
        deposit(bench, running, stuck, healthy=False, row=row)
    with pytest.raises(BitsRefused, match="before"):
        deposit(bench, running, stuck, healthy=True)
    assert bench.bits.account()[0].unhealthy == 1024


def test_unhealthy_bits_are_kept_and_never_drawn(running, bench):
    deposit(bench, running, fresh(512), healthy=False)
    with pytest.raises(NotEnoughBits, match="0 hardware"):
        bench.bits.draw(8, "me", "hope")
    assert bench.bits.segments()[0].healthy is False


def test_an_empty_deposit_is_refused(running, bench):
    with pytest.raises(BitsRefused, match="at least one"):
        deposit(bench, running, fresh(0))


def test_a_deposit_of_a_lost_lease_is_refused(running, bench):
    bench.leases.finish(running.id, 1, State.FAILED, "broken")
    with pytest.raises(LeaseLost):
        deposit(bench, running, fresh(64))
    assert bench.bits.segments() == []


def test_a_bench_cannot_deposit_better_bits_than_its_own(bench):
    bench.leases.register("sim", "a9", Origin.SIMULATED, "sha256:0", [])
    job = bench.jobs.submit("sim", "p", {})
    bench.leases.claim("sim", "a9", 15)
    bench.leases.start(job.id, 1, {})
    with pytest.raises(BitsRefused, match="registered as simulated"):
        deposit(bench, job, fresh(64))


@pytest.mark.parametrize("n_bits", [0, -8, 7, 1001])
def test_bits_are_drawn_in_whole_bytes(n_bits, bench):
    with pytest.raises(ParameterError, match="multiple of 8; ask for"):
        bench.bits.draw(n_bits, "me", "odd")


@pytest.mark.parametrize(
    ("hardware", "recorded", "simulated", "accept", "expected"),
    [
        (64, 64, 64, True, Origin.HARDWARE),
        (32, 64, 64, True, Origin.RECORDED),
        (32, 32, 64, True, Origin.SIMULATED),
        (64, 0, 0, False, Origin.HARDWARE),
        (0, 0, 64, False, BitsRefused),
        (32, 32, 32, True, NotEnoughBits),
        (32, 32, 32, False, NotEnoughBits),
    ],
)
def test_one_origin_and_simulated_ones_only_by_consent(hardware, recorded, simulated, accept, expected, running, bench):
    amounts = {Origin.HARDWARE: hardware, Origin.RECORDED: recorded, Origin.SIMULATED: simulated}
    for seed, (origin, n_bits) in enumerate(amounts.items()):
        if n_bits:
            deposit(bench, running, fresh(n_bits, seed, origin))
    if isinstance(expected, Origin):
        draw = bench.bits.draw(64, "me", "one origin", accept)
        assert draw.origin == expected
        assert bench.bits.take(draw.id).origin == expected
    else:
        with pytest.raises(expected, match=f"{hardware} hardware, {recorded} recorded, {simulated} simulated"):
            bench.bits.draw(64, "me", "one origin", accept)
        assert bench.bits.draws() == []


def test_simulated_bits_stay_simulated_when_replayed(running, bench):
    deposit(bench, running, fresh(64, origin=Origin.SIMULATED))
    draw = bench.bits.draw(64, "me", "x", accept_simulated=True)
    bench.bits.take(draw.id)
    assert bench.bits.replay(draw.id).origin == Origin.SIMULATED


def test_what_was_not_taken_cannot_be_replayed_nor_looked_at(running, bench):
    segment = deposit(bench, running, fresh(64))
    with pytest.raises(BitsRefused, match="fresh bits"):
        bench.bits.segment_bits(segment.sha256)
    draw = bench.bits.draw(64, "me", "x")
    for look in (lambda: bench.bits.replay(draw.id), lambda: bench.bits.segment_bits(segment.sha256)):
        with pytest.raises(BitsRefused):
            look()
    bench.bits.take(draw.id)
    shown = bench.bits.segment_bits(segment.sha256)
    assert (shown.packed, shown.origin) == (fresh(64).packed, Origin.RECORDED)


@pytest.mark.parametrize("harm", ["forge", "lose"])
def test_a_file_that_was_changed_burns_no_bits(harm, running, bench, tmp_path):
    segment = deposit(bench, running, fresh(64))
    path = tmp_path / segment.path
    content = path.read_bytes()
    draw = bench.bits.draw(64, "me", "x")
    if harm == "forge":
        path.write_bytes(bytes(len(content)))
    else:
        path.unlink()
    with pytest.raises(DatabaseError, match="restore it from a backup"):
        bench.bits.take(draw.id)
    path.write_bytes(content)
    assert bench.bits.take(draw.id).packed == content


def test_an_unknown_draw_is_not_found(bench):
    for ask in (bench.bits.get, bench.bits.take, bench.bits.replay, bench.bits.audit, bench.bits.segment_bits):
        with pytest.raises(NotFound):
            ask("0000")


OVERLAPS = [
    {"start_bit": 0, "stop_bit": 8, "previous_stop": None},  # the same beginning again
    {"start_bit": 8, "stop_bit": 64, "previous_stop": None},  # inside, without a predecessor
    {"start_bit": 8, "stop_bit": 72, "previous_stop": 8},  # a predecessor that does not exist
    {"start_bit": 64, "stop_bit": 72, "previous_stop": 32},  # another predecessor than its beginning
    {"start_bit": 64, "stop_bit": 64, "previous_stop": 64},  # nothing
    {"start_bit": 64, "stop_bit": 56, "previous_stop": 64},  # backwards
    {"start_bit": 64, "stop_bit": 68, "previous_stop": 64},  # half a byte
    {"start_bit": 0, "stop_bit": 64, "previous_stop": 0},  # a beginning that pretends to have a predecessor
    {"start_bit": -8, "stop_bit": 0, "previous_stop": None},  # before the beginning
]


@pytest.mark.parametrize("part", OVERLAPS, ids=str)
def test_the_schema_itself_refuses_a_range_that_is_not_the_next_one(part, running, bench):
    segment = deposit(bench, running, fresh(256))
    draw = bench.bits.draw(64, "me", "honest")
    with pytest.raises(IntegrityError), bench.database.write() as connection:
        connection.execute(draw_parts.insert().values(draw=draw.id, position=1, segment=segment.id, **part))
    with bench.database.write() as connection:
        right = {"start_bit": 64, "stop_bit": 72, "previous_stop": 64}
        connection.execute(draw_parts.insert().values(draw=draw.id, position=1, segment=segment.id, **right))


def test_the_schema_itself_refuses_to_draw_past_the_end(running, bench):
    segment = deposit(bench, running, fresh(256))
    with pytest.raises(IntegrityError), bench.database.write() as connection:
        connection.execute(segments.update().where(segments.c.id == segment.id).values(next_bit=264))


def test_eight_threads_drawing_get_no_bit_twice(running, bench):
    words = 400  # of 4 bytes, each its own number, so that a repeat would show
    whole = np.arange(words, dtype=">u4").tobytes()
    for start in range(0, len(whole), 400):
        deposit(bench, running, Bits.of_bytes(whole[start : start + 400], Origin.HARDWARE))
    got, errors = [], []

    def work(number):
        try:
            while True:
                draw = bench.bits.draw(32 * (1 + number % 3), f"thread {number}", "race")
                got.append(bench.bits.take(draw.id).packed)
        except NotEnoughBits:
            return
        except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    numbers = np.frombuffer(b"".join(got), dtype=">u4")
    assert len(numbers) == len(set(numbers.tolist()))
    (line,) = bench.bits.account()
    assert line.drawn == 32 * len(numbers)
    assert line.drawable < 96


def test_one_draw_is_taken_by_one_thread(running, bench):
    deposit(bench, running, fresh(64))
    draw = bench.bits.draw(64, "me", "race")
    got = []

    def work():
        try:
            got.append(bench.bits.take(draw.id))
        except AlreadyTaken:
            got.append(None)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(bits is not None for bits in got) == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deposit"), st.integers(1, 200), st.booleans()),
        st.tuples(st.just("draw"), st.integers(1, 30), st.booleans()),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_whatever_the_order_no_range_overlaps_and_the_account_balances(steps, tmp_path_factory, migrated_sqlite):
    home = tmp_path_factory.mktemp("home")
    shutil.copyfile(migrated_sqlite, home / "labctl.db")
    generator = np.random.default_rng(7)
    with open_ledger(home) as ledger:
        ledger.leases.register("b1", "a1", Origin.HARDWARE, "sha256:0", [])
        job = ledger.jobs.submit("b1", "p", {})
        ledger.leases.claim("b1", "a1", 1e6)
        ledger.leases.start(job.id, 1, {})
        deposited, drawable, streams = 0, 0, []
        for kind, amount, flag in steps:
            if kind == "deposit":
                bits = Bits.of(np.append(generator.integers(0, 2, amount), np.ones(64, int)), Origin.HARDWARE)
                try:
                    segment = deposit(ledger, job, bits, healthy=flag)
                except BitsRefused:  # short bits can repeat by chance
                    continue
                deposited += bits.count
                drawable += bits.count // 8 * 8 if flag else 0
                streams.append(segment)
            elif 8 * amount <= drawable:
                ledger.bits.draw(8 * amount, "me", "property")
                drawable -= 8 * amount
            else:
                with pytest.raises(NotEnoughBits):
                    ledger.bits.draw(8 * amount, "me", "property")
        lines = ledger.bits.account()
        assert sum(line.deposited for line in lines) == deposited
        assert sum(line.drawable for line in lines) == drawable
        for line in lines:
            assert line.deposited == line.drawn + line.drawable + line.unhealthy + line.odd
        spent = set()
        for draw in ledger.bits.draws(limit=1000):
            parts = ledger.bits.audit(draw.id)
            assert sum(part.stop_bit - part.start_bit for part in parts) == draw.n_bits
            for part in parts:
                bits_of_part = {(part.segment, bit) for bit in range(part.start_bit, part.stop_bit)}
                assert not bits_of_part & spent
                spent |= bits_of_part
        healthy = {segment.id: segment.n_bits for segment in streams if segment.healthy}
        assert all(bit < healthy[segment] for segment, bit in spent)
