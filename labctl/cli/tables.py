"""Records as tables for a person."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

ROWS = 30
"""A person reads the first so many; a program asks for JSON or CSV."""


def show_records(console: Console, frame: pd.DataFrame, everything: str) -> None:
    """Print one table per kind of record; ``everything`` is the command that gives all of them.

    A table that is too wide for the terminal is turned: one line per value, one column per record. Notes are sentences
    and are printed whole.
    """
    if frame.empty:
        return
    for kind, group in frame.groupby("kind", sort=False):
        if kind == "note":
            for text in group["text"].head(ROWS):
                console.print(f"note: {text}", markup=False, highlight=False, soft_wrap=True)
            continue
        rows = group.drop(columns=["kind"]).dropna(axis="columns", how="all")
        cells = [[_text(cell) for cell in row] for row in rows.head(ROWS).itertuples(index=False)]
        names = [str(name) for name in rows.columns]
        widths = [max(len(text) for text in column) for column in zip(names, *cells, strict=True)]
        if sum(widths) + 2 * len(widths) > console.width:
            fit = max(
                1, (console.width - max(map(len, names))) // (2 + max(len(text) for row in cells for text in row))
            )
            cells = [list(line) for line in zip(names, *cells[:fit], strict=True)]
            names = ["", *(f"#{number}" for number in range(min(fit, len(rows))))]
        shown = len(cells) if names[0] else len(names) - 1
        table = Table(*(Column(name, no_wrap=True) for name in names), title=f"{kind} ({len(rows)})", box=None)
        table.title_justify = "left"
        for line in cells:
            table.add_row(*map(escape, line))
        console.print(table)
        if len(rows) > shown:
            console.print(f"  … and {len(rows) - shown} more: {everything}", markup=False, highlight=False)


def _text(cell: object) -> str:
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
