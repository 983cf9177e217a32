"""Functions of one's own as criteria, and what is not accepted from them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from pairmatch.errors import CriterionError, ProgramError
from pairmatch.scoring import FULL, Compatibility, Custom


def nearness(coached, coach):
    return 1 / (1 + np.abs(coached["km"][:, None] - coach["km"][None, :]))


def far_from_the_farthest(coached, coach):
    away = np.abs(coached["km"][:, None] - coach["km"][None, :])
    return away / np.nanmax(away)


def position(coached, coach):
    return np.linspace(0, 1, len(coached))[:, None] * np.ones(len(coach))


def known_in_crowds(coached, coach):
    return np.full((len(coached), len(coach)), np.nan if len(coached) > 3 else 0.5)


@pytest.fixture
def pools(table):
    rng = np.random.default_rng(3)
    return (
        table(id=[f"T{k}" for k in range(60)], km=rng.integers(0, 50, 60).astype(str)),
        table(id=[f"M{k}" for k in range(50)], km=rng.integers(0, 50, 50).astype(str)),
    )


def test_a_function_of_the_pair_is_a_criterion(pools):
    bound = Compatibility.bind(*pools, [Custom(nearness)])
    assert (bound.units() == np.rint(nearness(*pools) * FULL)).all()
    assert bound.parts(3, 4)[0].criterion == "nearness"


def test_whole_and_logical_values_are_numbers_too(pools):
    same = Custom(lambda a, b: a["km"][:, None] == b["km"][None, :], name="same")
    bound = Compatibility.bind(*pools, [same])
    assert set(np.unique(bound.units())) == {0, FULL}
    whole = Custom(lambda a, b: np.ones((len(a), len(b)), int), name="one")
    assert (Compatibility.bind(*pools, [whole]).units() == FULL).all()


@pytest.mark.parametrize("function", [far_from_the_farthest, position, known_in_crowds])
def test_a_function_of_the_company_is_refused(pools, function):
    with pytest.raises(CriterionError, match="another value when other people are in the slices"):
        Compatibility.bind(*pools, [Custom(function)])


def test_a_function_that_changes_its_mind_later_is_refused(pools):
    calls = []

    def moody(coached, coach):
        calls.append(1)
        size = len(coached) * len(coach) if len(calls) > 12 else 0
        return np.full((len(coached), len(coach)), size / 1e6)

    criterion = Custom(moody, missing="zero")
    bound = Compatibility.bind(*pools, [criterion])
    calls += [1] * 12
    with pytest.raises(CriterionError, match="'moody'"):
        bound.units()


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda a, b: np.zeros((len(b), len(a))), r"of shape \(48, 48\)|found shape"),
        (lambda a, b: np.zeros(len(a)), "found shape"),
        (lambda a, b: 0.5, r"found shape \(\)"),
        (lambda a, b: None, "found type object"),
        (lambda a, b: np.full((len(a), len(b)), "0.5"), "found type <U3"),
        (lambda a, b: np.full((len(a), len(b)), 0.5 + 0j), "found type complex128"),
        (lambda a, b: np.full((len(a), len(b)), 1.01), "T0 with M0: .* found 1.01"),
        (lambda a, b: np.full((len(a), len(b)), -0.5), "found -0.5"),
        (lambda a, b: np.full((len(a), len(b)), np.inf), "found inf"),
    ],
)
def test_anything_but_values_from_0_to_1_is_refused(pools, returned, message):
    coached, coach = pools[0].take(slice(7)), pools[1].take(slice(5))
    with pytest.raises(CriterionError, match=message):
        Compatibility.bind(coached, coach, [Custom(returned, name="wrong")])


def test_noise_in_the_last_digit_is_no_reason_to_refuse(pools):
    def noisy(coached, coach):
        noise = 1e-16 * (len(coached) % 7)
        return np.full((len(coached), len(coach)), 0.5 + noise)

    bound = Compatibility.bind(*pools, [Custom(noisy), Custom(noisy, name="again", weight=2)])
    assert (bound.units() == bound.units_at(0, 0)).all()
    over = Custom(lambda a, b: np.full((len(a), len(b)), 1 + 2e-16), name="over")
    assert (Compatibility.bind(*pools, [over]).units() == FULL).all()


def test_an_error_in_the_function_says_which_criterion_it_was(pools):
    def broken(coached, coach):
        return coached["km"] / "two"

    with pytest.raises(TypeError) as caught:
        Compatibility.bind(*pools, [Custom(broken)])
    assert caught.value.__notes__ == ["in the function of Custom criterion 'broken'"]


def test_it_prints_as_it_is_typed_and_survives_pickling():
    custom = Custom(nearness, weight=2, missing="zero")
    assert repr(custom) == "Custom(nearness, weight=2, missing='zero')"
    assert repr(Custom(nearness, name="km")) == "Custom(nearness, name='km')"
    assert eval(repr(custom)) == custom  # noqa: S307 - that is the point
    assert custom != Custom(nearness)
    assert hash(custom) == hash(eval(repr(custom)))  # noqa: S307
    assert pickle.loads(pickle.dumps(custom)) == custom  # noqa: S301


def test_what_is_no_function_is_refused():
    with pytest.raises(ProgramError) as caught:
        Custom("km", weight=0, name=3)
    assert [fault.where for fault in caught.value.faults] == ["weight", "function", "name"]
