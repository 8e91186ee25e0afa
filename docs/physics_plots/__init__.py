"""The pictures and tables of docs/physics.md; `plot_physics.py` draws them."""
