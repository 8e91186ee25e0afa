"""The vocabulary of the house: what the other floors say to each other. Standard library and numpy only, no I/O."""
