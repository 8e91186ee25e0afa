"""Who calls, and what he may: a key in the Authorization header, or whoever sits at this machine."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Annotated, Any

import anyio.to_thread
from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from labctl.core.errors import KeyRefused, NotAllowed
from labctl.ledger.values import Job, Role
from labctl_server.service import Service, service_of

RANKS = (Role.VIEWER, Role.SUBMITTER, Role.OPERATOR, Role.ADMIN)
"""Each allows what those before it do; an agent stands beside them."""

# It is read below, from the header; this says in the API's description that it exists.
_scheme = HTTPBearer(auto_error=False, scheme_name="key", description="An API key; `labctl keys add` makes one.")


@dataclass(frozen=True)
class Caller:
    """Whoever made a request: ``owner`` is None for somebody at this machine, who needs no key and may do all."""

    owner: str | None
    role: Role
    benches: frozenset[str] | None

    def must_be(self, *enough: Role) -> None:
        """Raise NotAllowed unless the caller has one of these roles, or one that allows as much."""
        ranked = [role for role in enough if role in RANKS]
        if self.role in enough or (
            ranked and self.role in RANKS and RANKS.index(self.role) >= min(map(RANKS.index, ranked))
        ):
            return
        raise NotAllowed(
            f"this needs the key of {_one_of(enough)}, and that of {self.owner} is for {_one_of((self.role,))}; "
            "ask an admin for another key"
        )

    def must_have(self, bench: str) -> None:
        """Raise NotAllowed if the key is for other benches."""
        if self.benches is not None and bench not in self.benches:
            raise NotAllowed(
                f"the key of {self.owner} is for {', '.join(sorted(self.benches))}, not for the bench {bench!r}; "
                "ask an admin for another key"
            )

    def must_rule(self, job: Job) -> None:
        """Raise NotAllowed unless the job is the caller's own or he is an operator of its bench."""
        self.must_have(job.bench)
        self.must_own(f"job {job.id}", job.owner)

    def must_own(self, what: str, owner: str | None) -> None:
        """Raise NotAllowed unless ``what`` is the caller's own, or he is an operator."""
        if self.owner is None or self.owner == owner or self.role in (Role.OPERATOR, Role.ADMIN):
            return
        raise NotAllowed(f"{what} belongs to {owner or 'somebody without a key'}, not to {self.owner}; ask an operator")


HERE = Caller(None, Role.ADMIN, None)
"""Somebody at this machine, where no key is asked for."""


async def caller_of(request: Request, _: Annotated[object, Security(_scheme)] = None) -> Caller:
    """The caller of this request.

    Raises KeyRefused for a wrong key, and for none where one is required.
    """
    service = service_of(request)
    secret = _secret(request.headers.get("authorization", ""))
    if secret is None:
        if service.settings.keys_required:
            raise KeyRefused(
                "this service asks for a key; send one as 'Authorization: Bearer KEY' (for labctl: set LABCTL_KEY). "
                "`labctl keys add` makes one"
            )
        return HERE
    caller = await anyio.to_thread.run_sync(_caller, service, secret)
    request.scope["labctl.caller"] = caller.owner  # for the log
    if caller.role is not Role.AGENT and caller.owner is not None:
        service.rates.count(caller.owner, service.settings.requests_per_minute)
    return caller


def needs(*enough: Role) -> Any:
    """A route's dependency: its caller has one of these roles, and a key for the bench or the job in the address."""

    async def check(request: Request, caller: TheCaller) -> None:
        caller.must_be(*enough)
        if caller.benches is None:
            return
        if bench := request.path_params.get("bench"):
            caller.must_have(bench)
        if job := request.path_params.get("job"):
            jobs = service_of(request).ledger.jobs
            caller.must_have((await anyio.to_thread.run_sync(jobs.get, job)).bench)

    return Depends(check)


def _caller(service: Service, secret: str) -> Caller:
    own = service.settings.own_agents_key
    if own is not None and hmac.compare_digest(own.encode(), secret.encode()):
        return Caller("this service's agents", Role.AGENT, None)
    key = service.ledger.keys.holder(secret)
    return Caller(key.owner, key.role, None if key.benches is None else frozenset(key.benches))


def _secret(header: str) -> str | None:
    """The key in an Authorization header: a bearer's, or a password, which is what browsers ask people for."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return None if not header else ""


def _one_of(roles: tuple[Role, ...]) -> str:
    return " or ".join(f"{'an' if role[0] in 'aeiou' else 'a'} {role}" for role in roles)


TheCaller = Annotated[Caller, Depends(caller_of)]
