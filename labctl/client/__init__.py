"""The service from Python: ``Client`` to order measurements and spend bits, ``AgentClient`` for bench agents."""

from labctl.client.agent import AgentClient, Beat, ClaimedJob
from labctl.client.public import Client, ServiceBits
from labctl.client.values import (
    Account,
    ApiKey,
    ArtifactEntry,
    BenchEntry,
    Draw,
    Event,
    Job,
    News,
    Part,
    Run,
    Segment,
)

__all__ = [
    "Account",
    "AgentClient",
    "ApiKey",
    "ArtifactEntry",
    "Beat",
    "BenchEntry",
    "ClaimedJob",
    "Client",
    "Draw",
    "Event",
    "Job",
    "News",
    "Part",
    "Run",
    "Segment",
    "ServiceBits",
]
