"""The command line: the same words as the library, exit codes, and no traceback for a mistake."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager
from io import TextIOWrapper
from math import isnan
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import pairmatch as pm
from pairmatch.errors import InfeasibleError, PairmatchError, PairmatchWarning
from pairmatch.inputs import read_table, read_tables
from pairmatch.plans.diagnose import count_rules, unknown_evaluators
from pairmatch.plans.files import make_folder
from pairmatch.seam import assignment_problem
from pairmatch.solvers.assignment.estimate import estimate_effort
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

__all__ = ["app", "main"]

DONE, INFEASIBLE, BAD_INPUT, STOPPED, PIPE_CLOSED = 0, 1, 2, 3, 141

app = typer.Typer(
    help="Mentor-mentee pairs, coaching triads and peer groups of teachers: best possible, proved.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

MenteesFile = Annotated[str, typer.Argument(metavar="MENTEES", help="CSV of who is coached.")]
MentorsFile = Annotated[str, typer.Argument(metavar="MENTORS", help="CSV of who coaches.")]
ProgramName = Annotated[
    str | None, typer.Option("--program", "-p", help="A TOML file, or the name of a preset.")
]
Folder = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write the plan into this folder.")
]
Seed = Annotated[int, typer.Option(min=0, help="Decides between equally good plans.")]
Limit = Annotated[
    float | None, typer.Option("--time-limit", min=0.01, help="Seconds; a safety stop.")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"pairmatch {pm.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Mentor-mentee pairs, coaching triads and peer groups of teachers: best possible, proved."""


@app.command("match")
def match_command(
    mentees: MenteesFile,
    mentors: MentorsFile,
    program: ProgramName = None,
    folder: Folder = None,
    seed: Seed = 0,
    time_limit: Limit = None,
) -> None:
    """Match mentees with mentors."""
    _prepare(folder)
    with _progress("matching") as progress:
        options = pm.Options(seed=seed, time_limit=time_limit, progress=progress)
        tables = read_tables(mentees, mentors)
        plan = pm.match(*tables, _program(program, *tables), options=options)
    _finish(plan, folder)


@app.command()
def groups(
    teachers: Annotated[str, typer.Argument(metavar="TEACHERS", help="CSV of the pool.")],
    program: ProgramName = "triad",
    folder: Folder = None,
    seed: Seed = 0,
    time_limit: Limit = None,
) -> None:
    """Form coaching triads or groups of one pool."""
    _prepare(folder)
    with _progress("forming groups") as progress:
        options = pm.Options(seed=seed, time_limit=time_limit, progress=progress)
        table = read_table(teachers)
        plan = pm.form_groups(table, _program(program, table, table), options=options)
    _finish(plan, folder)


@app.command()
def check(mentees: MenteesFile, mentors: MentorsFile, program: ProgramName = None) -> None:
    """Validate tables and rules, and say what the rules remove, before any solving."""
    tables = read_tables(mentees, mentors)
    wanted = _program(program, *tables) or pm.Program()
    scored = pm.score(*tables, wanted)
    problem = assignment_problem(scored, wanted.constraints, _pair_objective(wanted))
    for table, side in ((scored.coached, "mentees"), (scored.coach, "mentors")):
        out.print(
            f"{escape(table.source)}: {len(table)} {side}, columns {', '.join(table.columns)}"
        )
    out.print("criteria: " + ", ".join(escape(repr(c)) for c in scored.criteria))
    out.print(
        f"places: {int(problem.capacity.sum())}, "
        f"{int((problem.capacity == 0).sum())} mentors with none"
    )
    counts = count_rules(scored)
    out.print(
        f"pairs: {counts.n_pairs}, allowed {counts.n_allowed} "
        f"({counts.n_allowed / max(1, counts.n_pairs):.0%})"
    )
    _show(counts.to_frame(), "what each rule removes")
    if counts.without:
        out.print(f"no mentor is allowed for: {_listed(counts.without)}")
    if counts.unused:
        out.print(f"no mentee is allowed for: {_listed(counts.unused)}")
    for table in dict.fromkeys((scored.coached, scored.coach)):
        strangers = unknown_evaluators(table, scored.coached, scored.coach)
        if strangers:
            out.print(f"evaluators in neither table ({escape(table.source)}): {_listed(strangers)}")
    out.print(f"matching takes {estimate_effort(problem)}")
    if problem.at_least.any():
        pm.match(*tables, wanted)  # minimum loads that cannot be met are found by trying
    out.print("The tables can be used.")


@app.command()
def explain(
    mentees: MenteesFile,
    mentors: MentorsFile,
    mentee: Annotated[str, typer.Argument(help="Id of a mentee.")],
    mentor: Annotated[str | None, typer.Argument(help="Id of a mentor.")] = None,
    program: ProgramName = None,
    seed: Seed = 0,
) -> None:
    """Say why a mentee has this mentor, another one, or none."""
    tables = read_tables(mentees, mentors)
    plan = pm.match(*tables, _program(program, *tables), options=pm.Options(seed=seed))
    frame = plan.to_frame()
    row = frame[frame["mentee"] == plan.scored.coached.ids[plan.mentee_row(mentee)]]
    if row.empty:
        why = plan.why_unmatched(mentee)
        out.print(escape(str(why)))
        _show(why.to_frame(), "by rule")
    else:
        out.print(f"{mentee} has {row['mentor'].item()} (score {row['score'].item():.3f})")
    other = mentor if mentor is not None else (None if row.empty else row["mentor"].item())
    if other is not None:
        _show(plan.explain(mentee, other), f"{mentee} with {other}")
        if row.empty or other != row["mentor"].item():
            out.print(escape(str(plan.why_not(mentee, other))))


@app.command()
def schema() -> None:
    """Print the JSON schema of program files, for editors that check while one types."""
    import json

    from pairmatch.programs import program_schema

    typer.echo(json.dumps(program_schema(), indent=2))


@app.command()
def demo(seed: Seed = 0) -> None:
    """Show what pairmatch does, on a district that it makes up."""
    from pairmatch.datasets import district

    pool = district(40, 24, seed=seed)
    out.print(
        "A made-up district: 40 mentees and 24 mentors in a few schools, with gaps in the data.\n"
        "[bold]plan = pm.match(mentees, mentors, pm.Program.preset('mentoring'))[/bold]\n"
    )
    plan = pm.match(pool.mentees, pool.mentors, pm.Program.preset("mentoring"))
    out.print(escape(plan.summary()))
    frame = plan.to_frame()
    _show(frame.head(5), "the first five pairs")
    if len(frame):
        first = frame.iloc[0]
        out.print("[bold]plan.explain(mentee, mentor)[/bold]: the explanation is the score.")
        _show(
            plan.explain(first["mentee"], first["mentor"]),
            f"{first['mentee']} with {first['mentor']}",
        )
        row = plan.mentee_row(first["mentee"])
        best = plan.scored.best(2) if isinstance(plan.scored, pm.Compatibility) else frame
        theirs = best[best["mentee"] == plan.scored.coached.ids[row]]["mentor"]
        other = next((m for m in theirs if m != first["mentor"]), first["mentor"])
        out.print("[bold]plan.why_not(mentee, mentor)[/bold]: what another pair would cost.")
        out.print(escape(str(plan.why_not(first["mentee"], other))) + "\n")
    certificate = pm.verify(plan)
    out.print(
        "[bold]pm.verify(plan)[/bold]: re-scored and re-checked pair by pair: "
        f"total {certificate.objective} millionths, bound {certificate.bound}, "
        f"{'proved optimal' if certificate.proved else 'not proved'}.\n"
    )
    out.print("Next: [bold]pairmatch match MENTEES.csv MENTORS.csv --out plan[/bold]")


def main() -> None:
    """Run the command line; every mistake of a user ends in a sentence and an exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an id that the terminal cannot show
    with warnings.catch_warnings():
        warnings.simplefilter("always", PairmatchWarning)
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        try:
            app(standalone_mode=True)
        except InfeasibleError as error:
            err.print(escape(f"No plan can satisfy the rules: {error}"))
            sys.exit(INFEASIBLE)
        except PairmatchError as error:
            err.print(escape(str(error)))
            sys.exit(BAD_INPUT)
        except BrokenPipeError:  # whoever read the output has gone; the plan is written
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(PIPE_CLOSED)
        except OSError as error:
            err.print(escape(f"The output cannot be written: {error.strerror}"))
            sys.exit(BAD_INPUT)


def _program(name: str | None, coached: pm.Profiles, coach: pm.Profiles) -> pm.Program | None:
    """Read a program file as it is; let a preset fit the columns that are there."""
    if name is None:
        return None
    if Path(name).suffix == ".toml" or Path(name).is_file():
        return pm.Program.from_toml(name)
    return pm.Program.preset(name).fitting(coached, coach)


def _prepare(folder: Path | None) -> None:
    """Find out before the work whether its result can be written."""
    if folder is not None:
        make_folder(folder)


def _pair_objective(program: pm.Program) -> Any:
    legal = ("coverage", "total", "worst_off", "leximin")
    return program.objective if program.objective in legal else "coverage"


def _finish(plan: pm.Matching | pm.Grouping, folder: Path | None) -> None:
    """Check once more, print, write, and leave with the right code."""
    pm.verify(plan)
    if folder is not None:
        plan.save(folder)
    out.print(escape(plan.summary()))
    if folder is not None:
        out.print(f"written to {escape(str(folder))}")
    if plan.status in (Status.TIME_LIMIT, Status.INTERRUPTED):
        raise typer.Exit(STOPPED)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, float | None, float], None] | None]:
    """Show rounds and gap of long work on a terminal."""
    try:
        with _shown(what) as show:
            yield show
    except KeyboardInterrupt:
        err.print("Stopped before there was a plan.")
        raise typer.Exit(130) from None


@contextmanager
def _shown(what: str) -> Iterator[Callable[[int, float | None, float], None] | None]:
    if not err.is_terminal:
        yield None
        return
    with err.status(f"{what} ...") as status:

        def show(n_rounds: int, gap: float | None, seconds: float) -> None:
            reached = "" if gap is None else f", gap {gap:.2%}"
            status.update(f"{what}: round {n_rounds}{reached}, {seconds:.0f} s")

        yield show


def _show(frame: pd.DataFrame, title: str) -> None:
    table = Table(title=escape(title), title_justify="left")
    for column in frame.columns:
        table.add_column(escape(str(column)))
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(_cell(content)) for content in row))
    out.print(table)


def _cell(content: object) -> str:
    if isinstance(content, float):
        return "unknown" if isnan(content) else f"{content:.3f}"
    return shorten(str(content), 60, placeholder=" ...")


def _listed(ids: tuple[object, ...]) -> str:
    shown = ", ".join(escape(str(key)) for key in ids[:20])
    return shown + (f" and {len(ids) - 20} more" if len(ids) > 20 else "")


def _show_warning(message: Warning | str, *_: object) -> None:
    err.print(escape(f"note: {message}"))


if __name__ == "__main__":
    main()
