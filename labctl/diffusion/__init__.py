"""Sampling: a diffusion model whose every random number is a bit from the ledger. Importing this loads no torch."""
