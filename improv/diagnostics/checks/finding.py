"""What a check of the doctor finds."""

from improv.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked, whether it is in order (None: only good to know), what was found, and how to mend it.

    The fields are those of `improv doctor --json`.
    """

    what: str
    ok: bool | None
    says: str
    mend: str = ""
