"""labctl: random bits and crossbar reads from magnetic tunnel junctions, from the bench to SQL."""
