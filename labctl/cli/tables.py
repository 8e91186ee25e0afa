"""Records as tables for a person."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table

ROWS = 30
"""A person reads the first so many; a program asks for JSON or CSV."""


def show_records(console: Console, frame: pd.DataFrame) -> None:
    """Print one table per kind of record."""
    if frame.empty:
        return
    for kind, group in frame.groupby("kind", sort=False):
        rows = group.drop(columns=["kind"]).dropna(axis="columns", how="all")
        table = Table(*map(str, rows.columns), title=f"{kind} ({len(rows)})", title_justify="left", box=None)
        for row in rows.head(ROWS).itertuples(index=False):
            table.add_row(*(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in row))
        console.print(table)
        if len(rows) > ROWS:
            console.print(f"  … and {len(rows) - ROWS} more; --csv FILE writes them all")
