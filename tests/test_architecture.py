"""The map of the house, enforced: who imports whom, how long a file may be, what stays lazy.

Every check is a function from a source tree to a list of sentences. It runs over the package and
must find nothing; it runs over a small tree that breaks its rule and must say so.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "pairmatch"

# From the ground up: a module imports only from rows above its own (and from its own room).
ROWS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("typed", "disk"),
    ("options",),
    ("profiles",),
    ("scoring",),
    ("constraints",),
    ("programs",),
    ("solvers",),
    ("seam",),
    ("reports",),
    ("plans",),
    ("datasets",),
    ("inputs",),
    ("verbs",),
    ("terms",),
    ("cycles",),
    ("batch", "formats"),
    ("",),  # the package itself, which shows the public names
    ("cli",),
    ("__main__",),
)
# The rooms of the solvers, from the ground up: the same rule within them.
SOLVER_ROOMS = (
    "pairmatch.solvers.assignment.held",
    "pairmatch.solvers.assignment.pricing",
    "pairmatch.solvers.assignment.fairness",
    "pairmatch.solvers.assignment.meetings",
    "pairmatch.solvers.assignment",
    "pairmatch.solvers.changes",
    "pairmatch.solvers.groups.basis",
    "pairmatch.solvers.groups.columns",
    "pairmatch.solvers.groups.triads",
    "pairmatch.solvers.groups.solver",
    "pairmatch.solvers.groups.lowest",
    "pairmatch.solvers.groups.large",
    "pairmatch.solvers.groups.regrouping",
    "pairmatch.solvers.groups",
    "pairmatch.solvers.terms",
)
# Here not even names for the type checker may close a cycle: what stands below knows nothing above.
STRAIGHT_ROOMS = tuple(
    f"pairmatch.{room}"
    for room in ("profiles", "programs", "seam", "reports", "plans", "datasets", "formats", "cli")
)
SOLVERS_MAY_IMPORT = ("pairmatch.errors", "pairmatch.solvers")
SOLVERS_MAY_LOAD = frozenset({"numpy", "scipy", "ortools", "numba", "threadpoolctl"})
CERTIFY_MAY_IMPORT = (
    "pairmatch.errors",
    "pairmatch.solvers.problem",
    "pairmatch.solvers.solution",
    "pairmatch.solvers.processors",
    "pairmatch.solvers.certify",
    "pairmatch.solvers.streamed",
    "pairmatch.solvers.tiers",
)
HEAVY = frozenset(
    {
        "distributed", "icalendar", "jinja2", "matplotlib", "networkx", "numba", "openpyxl",
        "ortools", "pandas", "pyarrow", "pydantic", "python_calamine", "rich", "scipy",
        "threadpoolctl", "typer", "xlsxwriter",
    }
)  # fmt: skip
# Each preset has parameters of its own, which are checked by name.
CHECKED_KEYWORDS = frozenset({"pairmatch.programs.program.preset"})
CLI_MAY_LOAD = frozenset({"rich", "typer"})
MOST_LINES = 400
# Changed in place by a search, never its answer; all else that has a public name is a value.
WORKSPACES = frozenset(
    {
        "pairmatch.solvers.groups.lowest.above.Above",
        "pairmatch.solvers.groups.basis.clock.Clock",
        "pairmatch.solvers.groups.lowest.raising.Raised",
        "pairmatch.solvers.groups.basis.search.Plan",
        "pairmatch.solvers.terms.search.Term",
    }
)

# What `import pairmatch` shows. A new name is a promise: add it here, in the changelog and in the
# documentation, in the same commit.
PUBLIC_NAMES = [
    "Alike",
    "Balance",
    "CapabilityError",
    "CarryOver",
    "Certificate",
    "CertificateError",
    "Changes",
    "Closeness",
    "CommonTime",
    "Comparison",
    "Compatibility",
    "Compose",
    "Continuity",
    "CriterionError",
    "Custom",
    "Cycles",
    "Demand",
    "Different",
    "Evaluation",
    "EvaluatorPairs",
    "ExperienceGap",
    "Fault",
    "Feedback",
    "Forbid",
    "Formats",
    "GiveAndReceive",
    "GoalCoverage",
    "GradeMatch",
    "Grouping",
    "History",
    "InfeasibleError",
    "Job",
    "Load",
    "Matching",
    "Meetings",
    "MinScore",
    "Minutes",
    "ModalityMatch",
    "NotAgain",
    "NotAlone",
    "Novelty",
    "Observation",
    "Options",
    "Outcome",
    "PairmatchError",
    "PairmatchWarning",
    "Pin",
    "ProfileError",
    "Profiles",
    "Program",
    "ProgramError",
    "Quota",
    "Regrouping",
    "Rematch",
    "Require",
    "SameSchool",
    "Schedule",
    "ScoreError",
    "Similarity",
    "Spread",
    "Status",
    "StyleFit",
    "SubjectMatch",
    "Suggestion",
    "TakeTurns",
    "Tiers",
    "UnknownIdError",
    "Vetoes",
    "Wishes",
    "__version__",
    "compare",
    "evaluate",
    "form_groups",
    "form_rounds",
    "group_scores",
    "match",
    "match_cycles",
    "match_formats",
    "match_many",
    "match_scores",
    "read_feedback",
    "read_history",
    "read_plan",
    "read_profiles",
    "rematch",
    "score",
    "suggest_weights",
    "verify",
    "what_if",
]


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path
    tree: ast.Module


@dataclass(frozen=True)
class Import:
    """One imported module, as seen from the importing one."""

    target: str
    line: int
    lazy: bool
    typing_only: bool


def read_tree(root: Path) -> dict[str, Module]:
    """Return every module below ``root``, which is the folder of the package."""
    modules = {}
    for path in sorted(root.rglob("*.py")):
        parts = (root.name, *path.relative_to(root).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return modules


def imports_of(module: Module, modules: dict[str, Module]) -> Iterator[Import]:
    """Yield the imports of a module; ``from package import module`` counts as that module."""

    def visit(node: ast.AST, lazy: bool, typing_only: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.body:
                yield from visit(child, lazy, True)
            for child in node.orelse:
                yield from visit(child, lazy, typing_only)
            return
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                is_package = module.path.name == "__init__.py"
                parts = module.name.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, base] if base else parts)
            full = [f"{base}.{alias.name}" for alias in node.names]
            targets = sorted({name if name in modules else base for name in full})
        for target in targets:
            yield Import(target, node.lineno, lazy, typing_only)
        inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside, typing_only)

    yield from visit(module.tree, False, False)


def is_within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def room_of(name: str) -> str:
    """Return the first part below the package: ``pairmatch.solvers.flow`` is in ``solvers``."""
    return [*name.split("."), ""][1]


def order_faults(modules: dict[str, Module]) -> list[str]:
    """Find imports from a row that is not above the importing module's own."""
    row_of = {room: row for row, rooms in enumerate(ROWS) for room in rooms}
    faults = [
        f"{name} is in no row of ROWS; say where it stands"
        for name in modules
        if room_of(name) not in row_of
    ]
    for module in modules.values():
        for found in imports_of(module, modules):
            if not is_within(found.target, next(iter(modules)).split(".")[0]):
                continue
            here, there = row_of.get(room_of(module.name)), row_of.get(room_of(found.target))
            if here is not None and there is not None and there > here:
                faults.append(f"{module.name}:{found.line} imports {found.target} from below")
    return faults


def solver_order_faults(modules: dict[str, Module]) -> list[str]:
    """Find imports between the rooms of the solvers that point upwards."""

    def row_of(name: str) -> int:
        rows = [row for row, room in enumerate(SOLVER_ROOMS) if is_within(name, room)]
        return min(rows, default=-1)

    return [
        f"{module.name}:{found.line} imports {found.target} from below"
        for module in modules.values()
        if row_of(module.name) >= 0
        for found in imports_of(module, modules)
        if row_of(found.target) > row_of(module.name)
    ]


def cycle_faults(modules: dict[str, Module]) -> list[str]:
    """Find a cycle of imports, lazy ones included, and in straight rooms those of types as well."""

    def counts(module: Module, found: Import) -> bool:
        straight = all(is_within(name, *STRAIGHT_ROOMS) for name in (module.name, found.target))
        return not found.typing_only or straight

    graph = {
        module.name: {
            found.target
            for found in imports_of(module, modules)
            if found.target in modules and found.target != module.name and counts(module, found)
        }
        for module in modules.values()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"cycle: {' -> '.join(reversed(error.args[1]))}"]
    return []


def solver_faults(modules: dict[str, Module]) -> list[str]:
    """Find what solvers may not know; they see integers and indices only."""
    faults = []
    for module in modules.values():
        if not is_within(module.name, "pairmatch.solvers"):
            continue
        is_certify = module.name.startswith("pairmatch.solvers.certify")
        inner = CERTIFY_MAY_IMPORT if is_certify else SOLVERS_MAY_IMPORT
        outer = {"numpy"} if is_certify else SOLVERS_MAY_LOAD
        for found in imports_of(module, modules):
            top = found.target.split(".")[0]
            if top == "pairmatch":
                legal = is_within(found.target, *inner)
            else:
                legal = top in outer or top in sys.stdlib_module_names
            if not legal:
                faults.append(f"{module.name}:{found.line} imports {found.target}")
    return faults


def lazy_faults(modules: dict[str, Module]) -> list[str]:
    """Find heavy libraries that are imported as soon as the module is."""
    return [
        f"{module.name}:{found.line} imports {found.target} outside a function"
        for module in modules.values()
        for found in imports_of(module, modules)
        if not found.lazy and not found.typing_only
        for top in [found.target.split(".")[0]]
        if top in HEAVY and not (room_of(module.name) == "cli" and top in CLI_MAY_LOAD)
    ]


def length_faults(modules: dict[str, Module]) -> list[str]:
    """Find files of more than 400 lines."""
    counts = {
        name: len(module.path.read_text(encoding="utf-8").splitlines())
        for name, module in modules.items()
    }
    return [f"{name} has {n} lines" for name, n in counts.items() if n > MOST_LINES]


def name_faults(modules: dict[str, Module]) -> list[str]:
    """Find a module that defines or shows a function of its own name, or next to it."""
    faults = []
    for module in modules.values():
        defined = {
            node.name
            for node in module.tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        shown = defined | exported_names(module)
        for name in sorted(shown):
            if name == module.name.split(".")[-1]:
                faults.append(f"{module.name} shows {name}, its own name")
            elif module.path.name == "__init__.py" and f"{module.name}.{name}" in modules:
                faults.append(f"{module.name} shows {name}, the name of a module in it")
    return faults


def exported_names(module: Module) -> set[str]:
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            return {str(item) for item in ast.literal_eval(node.value)}
    return set()


def value_faults(modules: dict[str, Module]) -> list[str]:
    """Find public dataclasses that are not frozen, or not slotted though nothing is cached."""
    faults = []
    for module in modules.values():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            if f"{module.name}.{node.name}" in WORKSPACES:
                continue
            for decorator in node.decorator_list:
                text = ast.unparse(decorator)
                if text.split("(")[0] not in ("dataclass", "dataclasses.dataclass"):
                    continue
                caches = "cached_property" in ast.unparse(node)
                flags = ("frozen",) if caches else ("frozen", "slots")
                missing = [flag for flag in flags if f"{flag}=True" not in text]
                if missing:
                    faults.append(
                        f"{module.name}:{node.lineno} {node.name} lacks {' and '.join(missing)}"
                    )
    return faults


def keyword_faults(modules: dict[str, Module]) -> list[str]:
    """Find public ``**options``: they hide what a function understands."""
    return [
        f"{module.name}:{node.lineno} {node.name} takes **{node.args.kwarg.arg}"
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        if node.args.kwarg is not None and f"{module.name}.{node.name}" not in CHECKED_KEYWORDS
    ]


# Check, a tree that breaks it, and what is to be said about it.
BROKEN: list[tuple[Callable[[dict[str, Module]], list[str]], dict[str, str], str]] = [
    (
        order_faults,
        {"errors.py": "", "profiles/__init__.py": "from pairmatch.scoring import criteria",
         "scoring/__init__.py": "", "scoring/criteria.py": ""},
        "pairmatch.profiles:1 imports pairmatch.scoring.criteria from below",
    ),
    (
        order_faults,
        {"scoring/__init__.py": "def f():\n    from ..verbs import match", "verbs.py": ""},
        "pairmatch.scoring:2 imports pairmatch.verbs from below",
    ),
    (
        order_faults,
        {"errors.py": "if TYPE_CHECKING:\n    from pairmatch.verbs import match", "verbs.py": ""},
        "pairmatch.errors:2 imports pairmatch.verbs from below",
    ),
    (
        order_faults,
        {"plans/__init__.py": "", "plans/matching.py": "import pairmatch", "__init__.py": ""},
        "pairmatch.plans.matching:1 imports pairmatch from below",
    ),
    (
        order_faults,
        {"__init__.py": "from pairmatch.cli import main", "cli.py": "import pairmatch"},
        "pairmatch:1 imports pairmatch.cli from below",
    ),
    (
        order_faults,
        {"extras.py": ""},
        "pairmatch.extras is in no row of ROWS; say where it stands",
    ),
    (
        solver_order_faults,
        {"solvers/assignment/held/flow.py": "from pairmatch.solvers.assignment.pricing import a",
         "solvers/assignment/pricing/a.py": "import pairmatch.solvers.assignment.held.flow"},
        "pairmatch.solvers.assignment.held.flow:1 imports pairmatch.solvers.assignment.pricing.a"
        " from below",
    ),
    (
        cycle_faults,
        {"plans/__init__.py": "", "plans/a.py": "from pairmatch.plans import b",
         "plans/b.py": "def f():\n    from .a import g"},
        "cycle: pairmatch.plans.a -> pairmatch.plans.b -> pairmatch.plans.a",
    ),
    (
        cycle_faults,
        {"plans/__init__.py": "", "plans/a.py": "from pairmatch.plans import b",
         "plans/b.py": "if TYPE_CHECKING:\n    from pairmatch.plans.a import Plan"},
        "cycle: pairmatch.plans.a -> pairmatch.plans.b -> pairmatch.plans.a",
    ),
    (
        solver_faults,
        {"solvers/__init__.py": "", "solvers/flow.py": "from pairmatch.profiles import Profiles",
         "profiles.py": ""},
        "pairmatch.solvers.flow:1 imports pairmatch.profiles",
    ),
    (
        solver_faults,
        {"solvers/__init__.py": "", "solvers/flow.py": "def f():\n    import pandas"},
        "pairmatch.solvers.flow:2 imports pandas",
    ),
    (
        solver_faults,
        {"solvers/__init__.py": "", "solvers/dense.py": "",
         "solvers/certify.py": "from pairmatch.solvers import dense"},
        "pairmatch.solvers.certify:1 imports pairmatch.solvers.dense",
    ),
    (
        solver_faults,
        {"solvers/__init__.py": "", "solvers/certify.py": "def f():\n    import scipy.sparse"},
        "pairmatch.solvers.certify:2 imports scipy.sparse",
    ),
    (
        lazy_faults,
        {"plans.py": "import pandas as pd"},
        "pairmatch.plans:1 imports pandas outside a function",
    ),
    (
        lazy_faults,
        {"solvers.py": "try:\n    from scipy.optimize import milp\nexcept ImportError:\n    pass"},
        "pairmatch.solvers:2 imports scipy.optimize outside a function",
    ),
    (
        lazy_faults,
        {"cli.py": "import typer\nimport networkx", "verbs.py": "def f():\n    import rich"},
        "pairmatch.cli:2 imports networkx outside a function",
    ),
    (length_faults, {"verbs.py": "x = 1\n" * 401}, "pairmatch.verbs has 401 lines"),
    (
        name_faults,
        {"scoring/__init__.py": "", "scoring/score.py": "def score(): ..."},
        "pairmatch.scoring.score shows score, its own name",
    ),
    (
        name_faults,
        {"plans/__init__.py": "__all__ = ['verify']", "plans/verify.py": ""},
        "pairmatch.plans shows verify, the name of a module in it",
    ),
    (
        value_faults,
        {"verbs.py": "@dataclass(frozen=True)\nclass Options: ...\n@dataclass\nclass _Own: ..."},
        "pairmatch.verbs:2 Options lacks slots",
    ),
    (
        value_faults,
        {"plans.py": "@dataclass\nclass Matching:\n    @cached_property\n    def n(self): ..."},
        "pairmatch.plans:2 Matching lacks frozen",
    ),
    (
        keyword_faults,
        {"verbs.py": "def match(mentees, **options): ...\ndef _spell(**words): ..."},
        "pairmatch.verbs:1 match takes **options",
    ),
]  # fmt: skip
CHECKS = list(dict.fromkeys(check for check, _, _ in BROKEN))


@pytest.fixture(scope="module")
def package() -> dict[str, Module]:
    modules = read_tree(PACKAGE)
    assert len(modules) > 10
    return modules


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_package_keeps_the_rule(package, check):
    faults = check(package)
    assert not faults, "\n".join([check.__doc__, *faults])


@pytest.mark.parametrize(
    ("check", "sources", "says"), BROKEN, ids=[f"{b[0].__name__}-{k}" for k, b in enumerate(BROKEN)]
)
def test_a_tree_that_breaks_the_rule_is_found(tmp_path, check, sources, says):
    root = tmp_path / "pairmatch"
    for name, source in sources.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source, encoding="utf-8")
    assert check(read_tree(root)) == [says]


def test_elsewhere_imports_for_the_type_checker_close_no_cycle(tmp_path):
    root = tmp_path / "pairmatch"
    root.mkdir()
    (root / "plans.py").write_text("from pairmatch import cycles", encoding="utf-8")
    later = "if TYPE_CHECKING:\n    from pairmatch import plans\n"
    (root / "cycles.py").write_text(later, encoding="utf-8")
    (root / "__init__.py").write_text("", encoding="utf-8")
    assert cycle_faults(read_tree(root)) == []


def test_import_pairmatch_loads_no_heavy_library():
    code = "import sys, pairmatch; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "pairmatch" in loaded
    assert loaded & HEAVY == set()


def test_the_public_names_are_these():
    import pairmatch

    assert sorted(pairmatch.__all__) == PUBLIC_NAMES
    missing = [name for name in pairmatch.__all__ if not hasattr(pairmatch, name)]
    assert missing == []


def test_the_map_for_contributors_names_what_there_is():
    text = (PACKAGE.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tables = "\n".join(line for line in text.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`([a-z_/]+(?:/|\.py))`", tables))
    assert len(named) > 20
    missing = [name for name in named if not (PACKAGE / name).exists()]
    assert missing == []
    rooms = {room for rooms in ROWS for room in rooms if room and room != "__main__"}
    shown = {name.split("/")[0].removesuffix(".py") for name in named}
    assert rooms - shown == set()
