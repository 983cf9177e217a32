"""Every ready-made program on made-up people: what each model makes of the same district."""

from __future__ import annotations

import warnings

import pairmatch as pm
from pairmatch.datasets import district, staff
from pairmatch.programs import PRESETS

NEEDED = {"initiative": {"skill": "technology integration"}}


def main() -> None:
    pool = district(40, 30, seed=5, gaps=0.05)
    teachers = staff(16, seed=5, gaps=0.05)
    for name, preset in PRESETS.items():
        print(f"\n{name}: {preset.sentence}")
        program = pm.Program.preset(name, **NEEDED.get(name, {}))
        if preset.verb == "match":
            plan = pm.match(pool.mentees, pool.mentors, program)
        else:
            plan = pm.form_groups(with_roles(teachers, name), program)
        pm.verify(plan)
        print(plan.summary().splitlines()[0])
        print(plan.to_frame().head(4).to_string(index=False))


def with_roles(teachers, name):
    """Give one teacher in four the role that the model asks for."""
    roles = {"plc": ("facilitator", "both"), "circle": ("mentor", "mentee")}
    special, usual = roles.get(name, ("both", "both"))
    return teachers.assign(role=[usual if k % 4 else special for k in range(len(teachers))])


if __name__ == "__main__":
    warnings.simplefilter("ignore", pm.PairmatchWarning)
    main()
