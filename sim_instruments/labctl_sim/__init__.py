"""A bench that exists only as physics: front panels, written from the manuals, wired to one simulated world."""
