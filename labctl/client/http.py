"""Requests to the service: its problems become the errors they were, and what may be said twice is said again."""

from __future__ import annotations

import ipaddress
import json
import math
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
from httpx_sse import ServerSentEvent, connect_sse

from labctl.core import errors
from labctl.core.clock import Clock, WallClock

PREFIX = "urn:labctl:problem:"
ATTEMPTS = 3
PASSING = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)


class Http:
    """A connection to the service at ``base_url``; use it as a context manager. Threads may share it.

    ``key`` is an API key, ``None`` for the one in LABCTL_KEY, if there is one. A certificate that no public authority
    signed is trusted if it is in the PEM file that LABCTL_CA names.
    """

    def __init__(self, base_url: str, clock: Clock | None = None, key: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._clock = clock or WallClock()
        key = os.environ.get("LABCTL_KEY") if key is None else key
        headers = {"Authorization": f"Bearer {key.strip()}"} if key else {}
        try:
            url = httpx.URL(self.base_url)
            # A proxy that is meant for the internet must not get what is meant for this machine.
            self._client = httpx.Client(
                base_url=url, timeout=30.0, trust_env=not _is_here(url.host), headers=headers, verify=_trusted(url)
            )
        except httpx.InvalidURL as error:
            raise errors.ServiceError(f"{base_url!r} is no address; write one like http://127.0.0.1:8000") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the connection."""
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 30.0,
    ) -> httpx.Response:
        """The answer to one request; sent up to three times, if it is ``repeatable`` and the connection fails.

        Raises the LabError that the service met, or ServiceError when there was no answer.
        """
        sent = {name: value for name, value in (params or {}).items() if value is not None}
        more = dict(headers or {})
        content = None
        if body is not None:
            content = encode(body)
            more["Content-Type"] = "application/json"
        attempt = 1
        while True:
            try:
                answer = self._client.request(
                    method, path, content=content, params=sent, headers=more, timeout=timeout_seconds
                )
                break
            except (httpx.TransportError, httpx.InvalidURL) as error:
                if repeatable and attempt < ATTEMPTS and isinstance(error, PASSING):
                    self._clock.sleep(0.2 * attempt)
                    attempt += 1
                    continue
                raise self._unreachable(error, repeatable) from error
        if answer.is_success:
            return answer
        raise _problem(answer)

    def follow(self, path: str, last: str = "", silence_seconds: float = 60.0) -> Iterator[ServerSentEvent]:
        """The server-sent events at ``path``, behind the one whose id is ``last``.

        A connection that breaks, or is silent for longer than the service ever is, is made anew behind the last event
        that came. Ends with the stream only if its last event was named ``end``.

        Raises the LabError that the service met, or ServiceError when it does not answer three times running.
        """
        failed = 0
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            try:
                with connect_sse(self._client, "GET", path, headers=headers, timeout=silence_seconds) as source:
                    if not source.response.is_success:
                        source.response.read()
                        raise _problem(source.response)
                    for event in source.iter_sse():
                        last, failed = event.id or last, 0
                        yield event
                        if event.event == "end":
                            return
                error: Exception = httpx.RemoteProtocolError("the stream broke off")
            except PASSING as broken:
                error = broken
            failed += 1
            if failed >= ATTEMPTS:
                raise self._unreachable(error, repeatable=True) from error
            self._clock.sleep(0.2 * failed)

    def _unreachable(self, error: Exception, repeatable: bool) -> errors.ServiceError:
        said = str(error) or type(error).__name__
        never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.InvalidURL)
        doubt = "" if repeatable or never_sent else " The request may have been carried out all the same"
        return errors.ServiceError(f"no answer from {self.base_url} ({said}); is `labctl serve` running there?{doubt}")


def encode(body: Mapping[str, Any]) -> bytes:
    """``body`` as JSON: numpy scalars as numbers, NaN as null.

    Raises ParameterError for an infinite number or what JSON cannot carry.
    """
    try:
        return json.dumps(_without_nan(body), allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise errors.ParameterError(
            f"this cannot be sent to the service ({error}); use finite numbers, text, lists and dicts, "
            "and None for what was not measured"
        ) from error


def _without_nan(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return {str(name): _without_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def _problem(answer: httpx.Response) -> errors.LabError:
    """The error that the service tells of."""
    try:
        said = answer.json()
        kind, detail = str(said["type"]), str(said["detail"])
    except (ValueError, KeyError, TypeError):
        text = answer.text.strip()[:200] or answer.reason_phrase
        return errors.ServiceError(
            f"{answer.url} answered {answer.status_code} and not as labctl does ({text}); "
            "is something else listening there?",
            answer.status_code,
        )
    found = _known().get(kind.removeprefix(PREFIX))
    return errors.ServiceError(detail, answer.status_code) if found is None else found(detail)


def _known() -> dict[str, type[errors.LabError]]:
    """The errors by the name of their problem: ``not-enough-bits`` is NotEnoughBits."""
    every = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, errors.LabError)]
    named = {re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower(): kind for kind in every}
    finer = {
        "already-taken": errors.BitsRefused,
        "disk-full": errors.DatabaseError,
        "invalid-request": errors.ParameterError,
    }
    return named | finer


def _trusted(url: httpx.URL) -> ssl.SSLContext | bool:
    """The certificates that are believed."""
    file = os.environ.get("LABCTL_CA")
    if url.scheme != "https" or not file:
        return True
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        raise errors.ServiceError(
            f"LABCTL_CA names {file!r}, which is no PEM file of certificates ({error.strerror or error}); correct it"
        ) from error


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
