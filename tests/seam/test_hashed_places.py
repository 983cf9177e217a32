"""People who join are put where the order of a hash has them."""

from __future__ import annotations

import numpy as np
import pytest

from pairmatch.seam import find_hashed_places, hashed_order


@pytest.mark.parametrize("seed", range(4))
def test_ids_that_are_inserted_at_their_places_are_in_hashed_order(seed):
    ids = np.array([f"T-{k}" for k in range(60)])
    old, new = ids[:50], ids[50:]
    old = old[hashed_order(old.tolist(), seed)].tolist()
    new = new[hashed_order(new.tolist(), seed)].tolist()
    places = find_hashed_places(old, new, seed)
    joined = np.insert(np.array(old), places, new)
    assert joined.tolist() == ids[hashed_order(ids.tolist(), seed)].tolist()
