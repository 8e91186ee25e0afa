"""What to think of a bit: tests on raw bits, before anything else is done to them."""
