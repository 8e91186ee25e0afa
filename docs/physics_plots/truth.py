"""What knows the answer without sampling, and the junctions that are asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from labctl_sim import profile
from labctl_sim.macrospin import fokker_planck as fp
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.sphere import Sphere

from .look import Floats

AT_ONCE: dict[str, Any] = {"thermalise_seconds": 0.0, "relax_seconds": 0.0}


def precessional() -> FreeLayer:
    """The middle junction of `vcma_precessional`: 50 nm, Delta 30, 30 mT in the plane."""
    return profile.load("vcma_precessional").nominal.layer


def free(delta: float, damping: float = 0.2) -> FreeLayer:
    """That layer without a field, with another barrier, and damped so that it forgets soon."""
    return replace(precessional(), bx_tesla=0.0, damping=damping).with_stability(delta)


def generator(sphere: Sphere, layer: FreeLayer, volts: float) -> Any:
    """The Fokker-Planck operator of one junction at constant volts."""
    s = {name: float(value[0]) for name, value in vars(Scales.of(layer)).items()}
    lean = s["tilt"] + s["tilt_per_volt"] * volts + s["tilt_per_square_volt"] * volts**2
    field = (s["transverse"], 0.0, lean)
    delta = s["stability"] - s["drop_per_volt"] * volts
    return fp.brown(sphere, delta, field, s["damping"], s["spin_per_volt"] * volts)


def exact(layer: FreeLayer, volts: float, widths: Floats, settle_seconds: float = 2e-9) -> Floats:
    """P(AP) after pulses of ``widths`` (W,) seconds on a junction in the law of its P well: without sampling, (W,)."""
    sphere = Sphere.for_barrier(float(layer.stability()[0]))
    tau, s = float(layer.neel_seconds[0]), Scales.of(layer)
    before = fp.well(sphere, float(s.stability[0]), (float(s.transverse[0]), 0.0, float(s.tilt[0])))
    pulse, rest = generator(sphere, layer, volts), generator(sphere, layer, 0.0)
    return fp.switched(sphere, before, pulse, widths / tau, rest, settle_seconds / tau)
