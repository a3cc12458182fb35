"""What tests over real ports need of the machine."""

import os

import pytest

from tests.ports.jack import missing


@pytest.fixture(scope="session")
def programs() -> None:
    """Skip where programs are missing; fail there instead if IMPROV_REQUIRE_PORTS is set."""
    if lacking := missing():
        (pytest.fail if os.environ.get("IMPROV_REQUIRE_PORTS") else pytest.skip)(f"needs {', '.join(lacking)}")
