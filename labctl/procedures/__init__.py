"""Measurements, one file each, and what they share: fits, shots, schema. They need roles and never a Bench."""
