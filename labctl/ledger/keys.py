"""API keys: made once, shown once, kept as a hash, good until they expire or are revoked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import timedelta

import sqlalchemy as sa

from labctl.core.errors import KeyRefused, NotFound, ParameterError
from labctl.ledger.database import Database
from labctl.ledger.ids import next_id
from labctl.ledger.tables import api_keys
from labctl.ledger.values import ApiKey, Role

PREFIX = "labctl_"
"""How a key begins, so that a key which got into a file or a chat can be found by a search."""

HINT_LETTERS = len(PREFIX) + 6
USED_SECONDS = 60.0
"""``used_at`` is no finer than this: a write for every request would make the disk the limit."""

_COLUMNS = [api_keys.c[field.name] for field in fields(ApiKey)]


class Keys:
    """The keys of a ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        owner: str,
        role: Role,
        *,
        benches: Iterable[str] | None = None,
        expires_seconds: float | None = None,
        note: str = "",
    ) -> tuple[ApiKey, str]:
        """A new key, and its secret, which nobody will ever see again: 32 random bytes of the operating system.

        Raises ParameterError for an agent's key that names no bench.
        """
        named = None if benches is None else sorted(set(benches))
        if role is Role.AGENT and not named:
            raise ParameterError("the key of an agent is good for one bench or several, by name; say which")
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._database.write() as connection:
            now = self._database.now()
            key = ApiKey(
                id=next_id(now, connection.scalar(sa.select(sa.func.max(api_keys.c.id)))),
                hint=secret[:HINT_LETTERS],
                owner=owner,
                role=role,
                benches=named,
                note=note,
                created_at=now,
                expires_at=None if expires_seconds is None else now + timedelta(seconds=expires_seconds),
                revoked_at=None,
                used_at=None,
            )
            connection.execute(api_keys.insert().values(sha256=_hash(secret), **asdict(key)))
        return key, secret

    def holder(self, secret: str) -> ApiKey:
        """The key with this secret.

        Raises KeyRefused if there is none, or if it has expired or was revoked.
        """
        query = sa.select(*_COLUMNS).where(api_keys.c.sha256 == _hash(secret))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise KeyRefused("this is no key of this service; check LABCTL_KEY, or have an admin make a key")
        key, now = ApiKey(**row), self._database.now()
        if key.revoked_at is not None:
            raise KeyRefused(
                f"the key {key.hint}... was revoked at {key.revoked_at:%Y-%m-%d %H:%M} UTC; ask for a new one"
            )
        if key.expires_at is not None and key.expires_at <= now:
            raise KeyRefused(f"the key {key.hint}... expired at {key.expires_at:%Y-%m-%d %H:%M} UTC; ask for a new one")
        if key.used_at is None or (now - key.used_at).total_seconds() >= USED_SECONDS:
            with self._database.write() as connection:
                connection.execute(api_keys.update().where(api_keys.c.id == key.id).values(used_at=now))
        return key

    def list(self) -> list[ApiKey]:
        """All keys that were ever made, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(*_COLUMNS).order_by(api_keys.c.id.desc())).mappings()
            return [ApiKey(**row) for row in rows]

    def revoke(self, key: str) -> ApiKey:
        """The key named ``key`` is good for nothing from now on; twice is as good as once. Raises NotFound."""
        with self._database.write() as connection:
            fresh = api_keys.update().where(api_keys.c.id == key, api_keys.c.revoked_at.is_(None))
            connection.execute(fresh.values(revoked_at=self._database.now()))
            row = connection.execute(sa.select(*_COLUMNS).where(api_keys.c.id == key)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"there is no key {key!r}; `labctl keys list` lists those there are")
        return ApiKey(**row)

    def any_admin(self) -> bool:
        """Whether somebody holds a key that is good for making others."""
        now = self._database.now()
        alive = sa.and_(
            api_keys.c.role == Role.ADMIN,
            api_keys.c.revoked_at.is_(None),
            sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
        )
        with self._database.read() as connection:
            return connection.scalar(sa.select(sa.func.count()).where(alive)) != 0


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
