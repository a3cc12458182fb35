"""What the documents repeat of the code: the table of the controls.

`python -m tests.documents` writes it anew into README.md and docs/reference/controls.md.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from improv.music.parts import Part
from improv.protocol.control import Control
from improv.protocol.controls import CONTROLS
from improv.protocol.mixer import COLUMNS, PART_CONTROLS

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
    """The controls as a table in Markdown: name, range, where each begins, what it does; the mixer by column."""
    mixer, rows = [_column(column) for column in COLUMNS.values()], []
    for each in CONTROLS.values():
        if each not in PART_CONTROLS:
            rows.append(
                f"| `{each.name}` | {each.range} | {_AT_FIRST.get(each.name, str(each.default))} | {each.help} |"
            )
        elif mixer:
            rows, mixer = [*rows, *mixer], []
    return "\n".join(["| control | range | at first | what it does |", "| --- | --- | --- | --- |", *rows, ""])


def _column(column: Mapping[Part, Control]) -> str:
    """What can be turned of each part, as a row of the table."""
    first, control = next(iter(column.items()))
    names = ", ".join(f"`{each.name}`" for each in column.values())
    values = {part.label: str(each.default) for part, each in column.items()}
    at_first = ", ".join(f"{label} {value}" for label, value in values.items())
    if len(set(values.values())) == 1:
        at_first = str(control.default)
    return f"| {names} | {control.range} | {at_first} | {control.help.replace(first.row.description, 'the part')} |"


if __name__ == "__main__":
    for page in WITH_CONTROLS:
        page.write_text(_TABLE.sub(lambda _: controls_table(), page.read_text(), count=1))
