"""What the documents repeat of the code: the table of the controls.

`python -m tests.documents` writes it anew into README.md and docs/reference/controls.md.
"""

import re
from pathlib import Path

from improv.protocol.controls import CONTROLS

ROOT = Path(__file__).parents[1]
README, DOCS = ROOT / "README.md", ROOT / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
WITH_CONTROLS = (README, DOCS / "reference" / "controls.md")

_AT_FIRST = {
    "mode": "trade; phrase where the letters are the instrument; solo where nothing can be heard",
    "seed": "drawn",
}
"""Where a control begins, where that is not its default alone."""

_TABLE = re.compile(r"\| control \| range \|.*?\n(?!\|)", re.DOTALL)


def controls_table() -> str:
    """The controls as a table in Markdown: name, range, where each begins, and what it does."""
    rows = [
        f"| `{each.name}` | {each.range} | {_AT_FIRST.get(each.name, str(each.default))} | {each.help} |"
        for each in CONTROLS.values()
    ]
    return "\n".join(["| control | range | at first | what it does |", "| --- | --- | --- | --- |", *rows, ""])


if __name__ == "__main__":
    for page in WITH_CONTROLS:
        page.write_text(_TABLE.sub(lambda _: controls_table(), page.read_text(), count=1))
