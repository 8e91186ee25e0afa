"""The physics behind a simulated junction: one macrospin, its thermal noise, and what follows for bits.

Start at `labctl_sim.macrospin.layer.FreeLayer`, `labctl_sim.macrospin.drive` and `labctl_sim.macrospin.trials.run`.
"""
