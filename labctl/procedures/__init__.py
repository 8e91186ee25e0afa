"""Measurements, one file each; they need devices by role and never a Bench."""
