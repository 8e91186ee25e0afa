"""The two pictures of README.md, cut out of the report that `labctl demo` writes; see docs/README.md."""

from __future__ import annotations

import argparse
import base64
import io
import re
from pathlib import Path

from PIL import Image

PICTURES = {  # by how the report calls them
    "digits": "digits sampled with ddpm",
    "switching-curve": "switching probability against pulse amplitude for several widths",
}


def cut(page: str, words: str) -> bytes:
    """The PNG that the report describes so, with a palette."""
    found = re.search(rf'alt="{words}" src="data:image/png;base64,([^"]+)"', page)
    if found is None:
        raise SystemExit(f"the report has no picture of {words!r}; give the report.html of a `labctl demo`")
    small = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as image:
        kept = image if image.mode == "L" else image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        kept.save(small, "png", optimize=True)
    return small.getvalue()


def main() -> None:
    """Cut them out."""
    parser = argparse.ArgumentParser(description="Take the pictures of README.md from a report of the demo.")
    parser.add_argument("report", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    page = options.report.read_text(encoding="utf-8")
    for name, words in PICTURES.items():
        (options.out / f"{name}.png").write_bytes(cut(page, words))


if __name__ == "__main__":
    main()
