"""Every public name is documented: what it is, what it takes, and an example that runs."""

from __future__ import annotations

import inspect
import re

import pytest

import pairmatch as pm

NAMES = sorted(name for name in pm.__all__ if not name.startswith("__"))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_an_example(name):
    text = inspect.cleandoc(getattr(pm, name).__doc__ or "")  # its own, not that of a base
    _, found, examples = text.partition("Examples\n--------\n")
    assert found, "no section Examples"
    lines = [line for line in examples.splitlines() if line.startswith((">>>", "..."))]
    assert lines, "no line of an example"


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_of_a_public_name_is_explained(name):
    public = getattr(pm, name)
    if inspect.isclass(public) and issubclass(public, BaseException | pm.Status):
        return
    text = inspect.getdoc(public) or ""
    section = text.partition("Parameters\n----------\n")[2]
    section = re.split(r"\n\w[\w ]*\n-{3,}\n", section)[0]
    told = {
        word.strip()
        for line in section.splitlines()
        if re.match(r"\w[\w, ]* :", line)
        for word in line.partition(" :")[0].split(",")
    }
    has = set(inspect.signature(public).parameters)
    has = {word for word in has if not word.startswith("_")}
    assert has <= told, f"not explained: {sorted(has - told)}"


@pytest.mark.parametrize("name", [n for n in NAMES if inspect.isfunction(getattr(pm, n))])
def test_every_function_says_what_it_returns_and_raises(name):
    text = inspect.getdoc(getattr(pm, name)) or ""
    if "Yields\n------\n" in text:  # what goes wrong in one of many is in its outcome
        return
    assert "Returns\n-------\n" in text
    assert "Raises\n------\n" in text
