"""Ctrl-C while rounds are planned together leaves rounds that hold."""

from __future__ import annotations

import pytest

import pairmatch as pm
from pairmatch import Status, terms
from pairmatch.datasets import staff


@pytest.mark.parametrize("n_asked", [0, 1, 20, 200])
def test_ctrl_c_leaves_valid_rounds_that_say_so(monkeypatch, n_asked):
    plan_term, left = terms.plan_term, [n_asked]

    def interrupted(*given, keep_on, **options):
        def ask():
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return keep_on()

        return plan_term(*given, keep_on=ask, **options)

    monkeypatch.setattr(terms, "plan_term", interrupted)
    term = pm.form_rounds(staff(15), pm.Program(size=3, rounds=5))
    assert left[0] < 0
    assert 1 <= len(term) <= 5
    assert term.status is Status.INTERRUPTED
    assert term[0].matched == 15
    term.verify()
