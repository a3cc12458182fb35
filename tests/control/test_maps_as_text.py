"""The maps of controllers as a file."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.config.controller_maps import Map
from improv.control.midi_controllers import from_file, to_text
from improv.errors import DataError
from improv.protocol.commands import TARGETS

MAPS = st.builds(
    Map,
    kind=st.just("cc"),
    number=st.integers(102, 119),
    channel=st.none() | st.integers(1, 16),
    target=st.sampled_from(TARGETS),
    takeover=st.sampled_from(["pickup", "jump"]),
)


@given(st.lists(MAPS))
def test_maps_are_read_as_they_were_written(maps: list[Map]) -> None:
    assert from_file(to_text(maps).encode()) == tuple(maps)


GOOD = '[[map]]\nkind = "cc"\nnumber = 20\ntarget = "tempo"\n'


@pytest.mark.parametrize(
    "text",
    [
        "[[map]",
        "map = 1",
        "map = [1]",
        'map = "cc"',
        "[map]\nkind = 1",
        "tempo = 1",
        GOOD + "colour = 1",
        GOOD.replace("20", "128"),
        GOOD.replace("20", "64"),
        GOOD.replace("20", "2.5"),
        GOOD.replace("20", "[20]"),
        GOOD.replace("20", "1979-05-27"),
        GOOD.replace("20", "9" * 400),
        GOOD.replace('"cc"', '"note"'),
        GOOD.replace('"cc"', "[]"),
        GOOD.replace("tempo", "model"),
        GOOD.replace("tempo", "tempa"),
        GOOD + "channel = 0",
        GOOD + "channel = 17",
        GOOD + 'takeover = "never"',
        GOOD.replace("number = 20\n", ""),
        "map = " + "[" * 5000,
    ],
)
def test_broken_maps_are_told_in_one_line(text: str) -> None:
    with pytest.raises(DataError, match="learn them again") as told:
        from_file(text.encode())
    assert "\n" not in str(told.value)


@given(st.text() | st.text('[]map=kindcuet\n" .0123456789', max_size=80))
def test_any_text_is_maps_or_a_data_error(text: str) -> None:
    with suppress(DataError):
        maps = from_file(text.encode())
        assert from_file(to_text(maps).encode()) == maps
