"""Exit codes: what a script can rely on.

| code | meaning |
|---|---|
| 0 | done |
| 1 | the job failed, was cancelled or was interrupted; or an error not named below |
| 2 | the request is wrong: parameters, options, station file, an unknown name |
| 3 | refused: for the sample's sake, for want of a key, or for the state of things (a busy bench, spent bits) |
| 4 | an instrument or a measurement failed |
| 5 | the service or the database cannot be reached |
| 6 | not enough bits |
| 7 | the bits were tested and failed |
"""

from __future__ import annotations

from labctl.core import errors

CODES: tuple[tuple[type[errors.LabError], int], ...] = (
    (errors.NotEnoughBits, 6),
    (errors.DatabaseError, 5),
    (errors.ServiceError, 5),
    (errors.InstrumentError, 4),
    (errors.MeasurementError, 4),
    (errors.EnvelopeError, 3),
    (errors.JournalError, 3),
    (errors.BitsRefused, 3),
    (errors.IllegalTransition, 3),
    (errors.KeyRefused, 3),
    (errors.NotAllowed, 3),
    (errors.TooManyRequests, 5),
    (errors.LeaseLost, 3),
    (errors.StationError, 2),
    (errors.PartNotFound, 2),
    (errors.ParameterError, 2),
    (errors.NotFound, 2),
)


def exit_code(error: errors.LabError) -> int:
    """The exit code for ``error``."""
    return next((code for kind, code in CODES if isinstance(error, kind)), 1)
