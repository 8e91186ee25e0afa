"""The bench: from a station file to live instruments that cannot hurt the sample and always end safe."""
