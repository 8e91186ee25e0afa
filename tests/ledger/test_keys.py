"""API keys: good until they expire or are revoked, and nowhere to be read."""

import numpy as np
import pytest

from labctl.core.bits import Bits, Origin
from labctl.core.errors import KeyRefused, NotEnoughBits, NotFound, ParameterError
from labctl.ledger.keys import PREFIX
from labctl.ledger.values import Role


def test_a_key_is_known_by_its_secret_alone(ledger):
    key, secret = ledger.keys.add("ada", Role.SUBMITTER, benches=["b2", "b1", "b1"], note="laptop")
    other, other_secret = ledger.keys.add("ada", Role.SUBMITTER)
    assert (key.owner, key.role, key.benches, key.note) == ("ada", Role.SUBMITTER, ["b1", "b2"], "laptop")
    assert secret.startswith(PREFIX)
    assert secret.startswith(key.hint)
    assert len(secret) > len(key.hint) + 30
    assert secret != other_secret
    assert ledger.keys.holder(secret).id == key.id
    assert [each.id for each in ledger.keys.list()] == [other.id, key.id]


@pytest.mark.parametrize("wrong", ["", "labctl_", "x" * 1000, "labctl_\x00"])
def test_what_is_no_key_is_refused(ledger, wrong):
    _, secret = ledger.keys.add("ada", Role.ADMIN)
    for given in (wrong, secret[:-1], secret.lower(), secret + " "):
        with pytest.raises(KeyRefused, match="no key of this service"):
            ledger.keys.holder(given)


def test_a_key_expires_at_its_time(ledger, clock):
    _, secret = ledger.keys.add("ada", Role.VIEWER, expires_seconds=10)
    clock.pass_by(9.9)
    ledger.keys.holder(secret)
    clock.pass_by(0.1)
    with pytest.raises(KeyRefused, match="expired at 2026-01-01"):
        ledger.keys.holder(secret)


def test_a_revoked_key_is_good_for_nothing_and_stays_on_record(ledger, clock):
    key, secret = ledger.keys.add("ada", Role.ADMIN)
    assert ledger.keys.any_admin()
    when = ledger.keys.revoke(key.id).revoked_at
    clock.pass_by(60)
    assert ledger.keys.revoke(key.id).revoked_at == when
    with pytest.raises(KeyRefused, match="revoked at 2026-01-01"):
        ledger.keys.holder(secret)
    assert not ledger.keys.any_admin()
    assert [each.id for each in ledger.keys.list()] == [key.id]
    with pytest.raises(NotFound, match="labctl keys list"):
        ledger.keys.revoke("nothing")


def test_an_admins_key_that_has_expired_makes_no_keys(ledger, clock):
    ledger.keys.add("ada", Role.ADMIN, expires_seconds=10)
    ledger.keys.add("bob", Role.OPERATOR)
    assert ledger.keys.any_admin()
    clock.pass_by(10)
    assert not ledger.keys.any_admin()


def test_when_it_was_used_is_noted_to_the_minute(ledger, clock):
    _, secret = ledger.keys.add("ada", Role.VIEWER)
    assert ledger.keys.list()[0].used_at is None
    first = clock()
    for seconds, noted in ((0, 0), (59, 0), (1, 60)):
        clock.pass_by(seconds)
        ledger.keys.holder(secret)
        assert (ledger.keys.list()[0].used_at - first).total_seconds() == noted


def test_the_secret_is_not_on_the_disk(ledger, tmp_path):
    _, secret = ledger.keys.add("ada", Role.ADMIN)
    ledger.keys.holder(secret)
    assert all(secret.encode() not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


@pytest.mark.parametrize("benches", [None, []])
def test_an_agents_key_names_its_benches(ledger, benches):
    with pytest.raises(ParameterError, match="say which"):
        ledger.keys.add("b1", Role.AGENT, benches=benches)


def test_a_draw_can_be_kept_to_the_bits_of_some_benches(bench, running):
    bits = Bits.of(np.random.default_rng(1).integers(0, 2, 4096), Origin.HARDWARE)
    bench.bits.deposit(running.id, running.epoch, bits, 0, 0, True, {})
    with pytest.raises(NotEnoughBits, match="there are 0 hardware"):
        bench.bits.draw(64, "me", "p", benches=["b2"])
    drawn = bench.bits.draw(64, "me", "p", benches=["b1", "b2"], owner="ada")
    assert bench.bits.get(drawn.id).owner == "ada"
