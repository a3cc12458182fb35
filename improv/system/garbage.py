"""Python's search for garbage, off where it would hold up what has deadlines.

A search goes through everything that is loaded, for some milliseconds, whenever enough has been made.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def keep_garbage() -> None:
    """Turn the search off, and never look through what is there by now again.

    `gc.collect` still looks through all that is made later.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


@contextmanager
def garbage_kept() -> Iterator[None]:
    """Turn the search off within the context; after it, it is as it was, and looks through everything again."""
    was_on = gc.isenabled()
    keep_garbage()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
