"""Everything that can go wrong, as sentences with a remedy.

::

    LabError
    ├── StationError           the station file is wrong
    ├── PartNotFound           no driver, procedure or station of that name
    ├── ParameterError         a procedure's parameters are missing, unknown or out of range
    ├── EnvelopeError          refused: it could hurt the sample
    ├── JournalError           refused: what is about to be done cannot be written down first
    ├── MeasurementError       the instruments answered, but the answer cannot be trusted
    ├── InstrumentError        an instrument refused a command or reported an error
    │   ├── InstrumentTimeout  it did not answer in time
    │   └── InstrumentGone     its connection is lost, or it is not the instrument expected
    ├── LedgerError            the account book refuses
    │   ├── DatabaseError      the database is missing, unreachable or not migrated
    │   ├── NotFound           no job, draw, segment or bench of that name
    │   ├── IllegalTransition  the job is not in a state that allows this
    │   ├── LeaseLost          the bench now belongs to a later claim
    │   ├── NotEnoughBits      more bits were asked for than are there
    │   ├── BitsRefused        these bits may not be drawn or deposited this way
    │   ├── KeyRefused         no API key, or one that is wrong, expired or revoked
    │   ├── NotAllowed         the caller's key does not allow this
    │   └── TooManyRequests    the caller asks too often
    ├── ServiceError           the service cannot be reached or answered with a problem
    └── Cancelled              the job was cancelled while it ran

A message says what was asked, what was found, and what to try.
"""

from __future__ import annotations


class LabError(Exception):
    """Any error that labctl raises on purpose; its text is meant for the person at the bench."""


class StationError(LabError):
    """The station file is wrong."""


class PartNotFound(LabError):
    """No driver, procedure or station of that name."""


class ParameterError(LabError):
    """A procedure's parameters are missing, unknown or out of range."""


class EnvelopeError(LabError):
    """Refused before anything was sent, because it could hurt the sample."""


class JournalError(LabError):
    """Refused, because the bench's journal cannot be written: after a crash nobody would know of it."""


class MeasurementError(LabError):
    """The instruments answered, but the answer cannot be trusted as a measurement."""


class InstrumentError(LabError):
    """An instrument refused a command or reported an error."""


class InstrumentTimeout(InstrumentError):
    """An instrument did not answer in time."""


class InstrumentGone(InstrumentError):
    """An instrument's connection is lost, or another instrument answers at its address."""


class LedgerError(LabError):
    """The account book refuses."""


class DatabaseError(LedgerError):
    """The database is missing, unreachable or not migrated."""


class NotFound(LedgerError):
    """No job, draw, segment or bench of that name."""


class IllegalTransition(LedgerError):
    """The job is not in a state that allows this."""


class LeaseLost(LedgerError):
    """The bench belongs to a later claim; whoever gets this must make its instruments safe and stop."""


class NotEnoughBits(LedgerError):
    """More bits were asked for than are there."""


class BitsRefused(LedgerError):
    """These bits may not be drawn or deposited this way."""


class KeyRefused(LedgerError):
    """No API key, or one that is wrong, has expired or was revoked."""


class NotAllowed(LedgerError):
    """The caller's key does not allow this."""


class TooManyRequests(LedgerError):
    """The caller asks too often; ``seconds`` is when to ask again, if that is known."""

    def __init__(self, message: str, seconds: int | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class ServiceError(LabError):
    """The service cannot be reached, or it answered with a problem.

    ``status`` is the HTTP status, or None when there was no answer at all.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Cancelled(LabError):
    """The job was cancelled while it ran."""
