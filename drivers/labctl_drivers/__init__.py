"""Drivers: one file per instrument; they know the vocabulary of `labctl.core` and PyMeasure, nothing else."""
