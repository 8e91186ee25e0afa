"""What the routes share: the ledger, the bell, the catalogue; handed to them, never looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from labctl.ledger.engine import Ledger
from labctl_server.bell import Bell
from labctl_server.catalogue import Catalogue
from labctl_server.metrics import Metrics
from labctl_server.rates import Rates
from labctl_server.settings import Settings


@dataclass(frozen=True)
class Service:
    """The parts of a running service."""

    settings: Settings
    ledger: Ledger
    bell: Bell
    catalogue: Catalogue
    metrics: Metrics
    rates: Rates = field(default_factory=Rates)


def service_of(request: Request) -> Service:
    """The service that this request reached."""
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(service_of)]
