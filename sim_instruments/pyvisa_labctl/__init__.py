"""The PyVISA backend named "labctl": simulated benches behind a VISA library string.

``pyvisa.ResourceManager("sim:demo@labctl")`` opens a shipped station, ``"sim:/path/bench.toml@labctl"`` your own.
Plain pyvisa-sim files still work: ``"instruments.yaml@labctl"``.
"""

from __future__ import annotations

from pyvisa_labctl.library import LabctlLibrary

WRAPPER_CLASS = LabctlLibrary

__all__ = ["WRAPPER_CLASS", "LabctlLibrary"]
