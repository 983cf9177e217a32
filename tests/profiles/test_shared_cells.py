"""Large tables hold a text once, however many people wrote it."""

from __future__ import annotations

import pandas as pd
import pytest

from pairmatch.profiles import read_profiles


@pytest.mark.parametrize("source", ["file", "frame"])
def test_people_who_wrote_the_same_share_texts_and_windows(tmp_path, source):
    frame = pd.DataFrame(
        {
            "id": ["T-1", "T-2", "T-3"],
            "school": ["Elm", "Elm", "Oak"],
            "years": [12, 12, 3],
            "free": ["Mon 8-9", "Mon 8-9; Tue 10-11", "Tue 10-11"],
        }
    )
    if source == "file":
        frame.to_csv(tmp_path / "people.csv", index=False)
    people = read_profiles(tmp_path / "people.csv" if source == "file" else frame)
    for column in ("school", "years"):
        first, second, third = people.texts(column)
        assert first is second
        assert first != third
    one, both, other = people.windows("free")
    assert both[0] is one[0]
    assert both[1] is other[0]
