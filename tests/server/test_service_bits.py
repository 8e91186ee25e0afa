"""Bits over HTTP: deposited by an agent, drawn, taken once, replayed by name, traced."""

import threading

import numpy as np
import pytest

from labctl.client import Client
from labctl.core.bits import Bits, Origin
from labctl.core.errors import BitsRefused, NotEnoughBits, NotFound, ParameterError


@pytest.fixture
def stocked(lab, agent, run, harvest):
    """The client of a service that has 4096 simulated bits."""
    agent.segment(run.id, run.epoch, harvest(4096))
    return lab


def draw(lab, n_bits, accept_simulated=True):
    return lab.draw(n_bits, consumer="me", purpose="test", accept_simulated=accept_simulated)


def test_bits_are_drawn_taken_once_and_replayed_by_name(stocked, harvest):
    drawn = draw(stocked, 64)
    assert (drawn.origin, drawn.n_bits, drawn.sent_at) == ("simulated", 64, None)
    taken = stocked.take(drawn.id)
    assert taken == Bits(harvest(4096).bits.packed[:8], 64, Origin.SIMULATED)
    with pytest.raises(BitsRefused, match="replay"):
        stocked.take(drawn.id)
    assert stocked.replay(drawn.id) == taken
    (part,) = stocked.audit(drawn.id)
    assert (part.row, part.col, part.bench, part.details) == (2, 5, "b1", {"volts": 0.9})
    assert [found.id for found in stocked.draws()] == [drawn.id]
    (line,) = stocked.account()
    assert (line.origin, line.deposited, line.drawn, line.drawable) == ("simulated", 4096, 64, 4032)


def test_the_second_taking_is_gone_and_nothing_is_cached(stocked, raw):
    drawn = draw(stocked, 64)
    answer = raw.get(f"/v1/draws/{drawn.id}/bits")
    assert (answer.status_code, len(answer.content)) == (200, 8)
    assert answer.headers["labctl-origin"] == "simulated"
    assert answer.headers["cache-control"] == "no-store"
    gone = raw.get(f"/v1/draws/{drawn.id}/bits")
    assert gone.status_code == 410
    assert gone.json()["type"] == "urn:labctl:problem:already-taken"
    assert raw.get(f"/v1/draws/{drawn.id}/replay").headers["labctl-origin"] == "simulated"


def test_hardware_bits_are_replayed_as_recorded(lab, agent, harvest):
    agent.register("b3", origin=Origin.HARDWARE, station_digest="x", roles=[])
    lab.submit("look", bench="b3")
    job = agent.claim("b3")
    agent.start(job.id, job.epoch, {})
    agent.segment(job.id, job.epoch, harvest(origin=Origin.HARDWARE))
    drawn = draw(lab, 4096, accept_simulated=False)
    assert lab.take(drawn.id).origin == Origin.HARDWARE
    assert lab.replay(drawn.id).origin == Origin.RECORDED
    (segment,) = lab.segments(job.id)
    assert lab.segment_bits(segment.sha256) == Bits(harvest().bits.packed, 4096, Origin.RECORDED)


def test_simulated_bits_need_consent(stocked):
    with pytest.raises(BitsRefused, match=r"4096 simulated.*accept"):
        draw(stocked, 64, accept_simulated=False)


def test_too_many_are_refused_with_what_there_is(stocked):
    with pytest.raises(NotEnoughBits, match="4096 simulated"):
        draw(stocked, 8192)
    with pytest.raises(ParameterError, match="ask for 104"):
        draw(stocked, 100)


def test_a_source_that_repeats_itself_is_refused(agent, run, harvest, stocked):
    with pytest.raises(BitsRefused, match="very bits"):
        agent.segment(run.id, run.epoch, harvest(4096))


def test_a_segment_is_shown_only_when_it_is_spent(stocked):
    (segment,) = stocked.segments()
    with pytest.raises(BitsRefused, match="fresh"):
        stocked.segment_bits(segment.sha256)
    stocked.take(draw(stocked, 4096).id)
    assert stocked.segment_bits(segment.sha256).count == 4096


def test_unknown_draws_are_not_found(lab):
    for ask in (lab.take, lab.replay, lab.audit):
        with pytest.raises(NotFound):
            ask("nothing")


def source(lab, **options):
    return lab.bit_source(consumer="me", purpose="source", accept_simulated=True, **options)


def test_a_source_draws_what_is_read_and_wastes_nothing(stocked, harvest):
    bits = source(stocked)
    pieces = [bits.read(n_bits) for n_bits in (64, 13, 3, 0, 100, 8)]
    whole = np.concatenate([piece.unpack() for piece in pieces])
    assert whole.tolist() == harvest(4096).bits.unpack()[:188].tolist()
    assert stocked.account()[0].drawn == 192
    assert bits.left == 4
    assert len(bits.draws) == len(stocked.draws())
    assert pieces[0].origin == Origin.SIMULATED


def test_a_source_in_chunks_draws_seldom(stocked):
    bits = source(stocked, chunk_bits=1024)
    for _ in range(16):
        bits.read(64)
    assert len(bits.draws) == 1
    with pytest.raises(NotEnoughBits):
        bits.read(4096)
    assert bits.left == 0


def test_a_mixture_of_origins_bears_the_lesser_name(lab, agent, run, harvest):
    agent.register("b3", origin=Origin.HARDWARE, station_digest="x", roles=[])
    lab.submit("look", bench="b3")
    real = agent.claim("b3")
    agent.start(real.id, real.epoch, {})
    agent.segment(real.id, real.epoch, harvest(16, seed=5, origin=Origin.HARDWARE))
    agent.segment(run.id, run.epoch, harvest(64))
    bits = source(lab)
    assert bits.read(12).origin == Origin.HARDWARE
    assert bits.read(12).origin == Origin.SIMULATED


def test_eight_clients_get_no_word_twice(url, agent, run):
    words = np.arange(2048, dtype=">u4").tobytes()
    from labctl.core.procedure import Harvest

    for start in range(0, len(words), 1024):
        bits = Bits.of_bytes(words[start : start + 1024], Origin.SIMULATED)
        agent.segment(run.id, run.epoch, Harvest(bits, 0, 0, True))
    got = []

    def work():
        with Client(url) as lab:
            for _ in range(8):
                got.append(lab.take(draw(lab, 32 * 24).id).packed)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = np.frombuffer(b"".join(got), dtype=">u4").tolist()
    assert len(numbers) == 8 * 8 * 24
    assert len(set(numbers)) == len(numbers)
