"""Stand-in."""

NEEDED = 4_080_000
