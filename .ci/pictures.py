"""Fail when a notebook was saved without the pictures that its cells draw, as one is that was executed with MPLBACKEND=Agg."""
import json, sys
from pathlib import Path


def missing(cell) -> bool:
    "A cell draws where it shows a figure, or ends in a semicolon so that only the picture is left."
    shown = [out.get("data", {}) for out in cell["outputs"]]
    drawn = ["".join(data.get("text/plain", "")).startswith("<Figure size") for data in shown]
    pictures = [any(kind.startswith("image/") for kind in data) for data in shown]
    bare = any(figure and not picture for figure, picture in zip(drawn, pictures))
    return bare or "".join(cell["source"]).rstrip().endswith(";") and not any(pictures)


if __name__ == "__main__":
    found = []
    for path in sorted(Path("nbs").rglob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        lost = [cell["id"] for cell in cells if cell["cell_type"] == "code" and missing(cell)]
        if lost: found.append(f"{path}: no picture in {', '.join(lost)}. Execute it without MPLBACKEND.")
    if found: sys.exit("\n".join(found))
