"""The `beautyflow` command: what Dagster's own command line does not do.

Thin on purpose. Every command calls the functions that the assets call, and imports what is heavy only
when it runs, so that `beautyflow --help` answers at once.
"""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.core import TyperGroup

from assets.beauty.commands import explain_command
from assets.contracts.settings import PROJECT_ROOT, VACUUM_GRACE, VACUUM_LEAST, Settings, child_environment, use_home
from assets.contracts.wording import counted
from assets.crowd.commands import crowd_app
from assets.landing.simulation import simulate_command
from assets.suggested import recommend_command


class _HomeAnywhere(TyperGroup):
    """Commands that take `--home` before or after their name, without each of them declaring it."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        return super().parse_args(ctx, _home_first(args))


def _home_first(arguments: Sequence[str]) -> list[str]:
    """The same arguments with every ``--home`` in front; what follows ``--`` is left alone.

    >>> _home_first(["status", "--home", "mine", "--json"])
    ['--home', 'mine', 'status', '--json']

    Raises:
        typer.BadParameter: ``--home`` is the last word.
    """
    homes: list[str] = []
    others: list[str] = []
    left = iter(arguments)
    for argument in left:
        if argument == "--":
            others += [argument, *left]
        elif argument == "--home":
            homes += [argument, _folder_after_home(left)]
        else:
            (homes if argument.startswith("--home=") else others).append(argument)
    return homes + others


def _folder_after_home(left: Iterator[str]) -> str:
    for folder in left:
        return folder
    raise typer.BadParameter("it needs the folder of a community: --home FOLDER", param_hint="--home")


app = typer.Typer(
    name="beautyflow",
    cls=_HomeAnywhere,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help=(
        "Measures how the quality of what people post flows through a social network.\n\n"
        "A community lives in one home folder (`--home`, before or after the command, or BEAUTYFLOW_HOME). "
        "The usual way through it:\n\n"
        "1. `beautyflow simulate`, or `beautyflow import FORMAT PATH --name NAME`: bring a community in\n\n"
        "2. `beautyflow validate`: see what would be published, and what is wrong with it\n\n"
        "3. `beautyflow materialize`: publish, learn, score and model, month by month\n\n"
        '4. `beautyflow sql "select * from fct_user_beauty limit 10"`, `beautyflow recommend --user ID`: ask\n\n'
        "5. `beautyflow ui`: look at everything in Dagster"
    ),
)


@app.callback()
def _choose_home(
    home: Annotated[
        Path | None,
        typer.Option(help="Folder of the community to work on.", envvar="BEAUTYFLOW_HOME", show_default="var/"),
    ] = None,
) -> None:
    if home is not None:
        use_home(home)


def _in_a_writable_home(command: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(command)
    def checked(**options: object) -> None:
        _settings_to_write()
        command(**options)

    return checked


app.command(name="simulate")(_in_a_writable_home(simulate_command()))
app.add_typer(crowd_app, name="crowd")
app.command(name="explain")(explain_command)
app.command(name="recommend")(recommend_command)


@app.command(name="import")
def import_(
    source_format: Annotated[
        str, typer.Argument(metavar="FORMAT", help="Format of the source; `list` shows all formats and their options.")
    ],
    path: Annotated[Path | None, typer.Argument(help="File or folder to import.")] = None,
    name: Annotated[str, typer.Option(help="Name of this source in the community.")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="Option of the format as KEY=VALUE; repeatable.")
    ] = None,
) -> None:
    """Bring a dataset in: checked row by row, typed, split into months; rejected rows are kept with their reason.

    Importing the same files again changes nothing. Importing changed files under the same name replaces them.

    Example: `beautyflow import edge_list wiki-Vote.txt --name wikivote`
    """
    from assets.landing import importing

    if source_format == "list":
        typer.echo(importing.describe_formats())
        return
    if path is None or not name:
        missing = "PATH" if path is None else "--name"
        _stop(f"{missing} is missing: beautyflow import FORMAT PATH --name NAME")
    settings = _settings_to_write()
    try:
        typer.echo(importing.import_named(settings, source_format, path, name, option or []))
    except importing.ImportFailure as failure:
        _stop(str(failure))


@app.command()
def validate(
    tables: Annotated[list[str] | None, typer.Argument(help="Tables to check; all that landed by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print findings as JSON lines.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print what is true as well.")] = False,
) -> None:
    """Audit what has landed without publishing it: contracts and expectation suites, month by month.

    Exit code 1 if something would not be published or a folder cannot be imported, 2 if nothing has landed.
    """
    from assets.community.preview import Verdict, preview_landed
    from assets.contracts.lake import Lake
    from assets.landing.intake import SourcesFailed, import_folders
    from assets.landing.rejections import count_rejected

    settings = _settings_of_a_community(written=True)
    verdict, all_are_in = Verdict(), True
    try:
        import_folders(Lake(settings.lake_uri), settings.landing)
    except SourcesFailed as failure:
        all_are_in = False
        typer.echo(f"beautyflow: {failure}", err=True)
    try:
        for finding in preview_landed(settings, tables or []):
            verdict.add(finding)
            if as_json or verbose or finding.is_mistake:
                typer.echo(json.dumps(finding.as_dict()) if as_json else finding.as_line())
    except ValueError as error:
        _stop(str(error))
    if not verdict.asked:
        _stop("nothing has landed; run `beautyflow simulate` or `beautyflow import`, then `beautyflow materialize`")
    if not as_json:
        typer.echo(verdict.as_text())
        if rejected := count_rejected(Lake(settings.lake_uri)):
            typer.echo(f"{counted(rejected, 'row')} did not land at all; `beautyflow rejected` shows why")
    raise typer.Exit(0 if verdict.is_good and all_are_in else 1)


@app.command()
def materialize(
    months: Annotated[
        str, typer.Option(help="Months to make: `2016-03`, or `2015-01..2016-03`; all that landed by default.")
    ] = "",
    job: Annotated[
        str,
        typer.Option(
            help="`build_community` learns and scores; `nightly_increment` scores with the model there is; "
            "`evaluate_beauty` judges a model against crowd ratings, out of fold; `pretrain_objects` teaches a network "
            "the categories of the photos, to start from."
        ),
    ] = "build_community",
    accept_volume: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MONTH", help="Publish this month although its number of rows is implausible; repeatable."
        ),
    ] = None,
) -> None:
    """Make the tables of the chosen months, with progress; what is up to date is left alone.

    A line with `!` tells what failed, a line with `?` what only warns. A month of a table that fails its audit keeps
    its last good rows, less what was withdrawn, and everything else is made all the same.

    Exit code 0 if everything was published, 1 if a step failed or a month was refused, 2 if nothing was started.
    """
    if not _materialize(months, job, accept_volume or []):
        raise typer.Exit(1)


def _materialize(months: str, job: str, accept_volume: Sequence[str] = ()) -> bool:
    from assets import freshness
    from assets.prerequisites import require_runnable

    settings = _settings_of_a_community(written=True)
    try:
        require_runnable(settings, months, job, accept_volume)
    except ValueError as error:
        _stop(str(error))
    if not (months or accept_volume) and job == "build_community" and freshness.is_up_to_date(settings):
        typer.echo("everything is up to date; nothing to do")
        return True
    from assets.landing.watching import landing_fingerprint
    from assets.running import materialize_community
    from assets.stopping import leave
    from assets.telling import conclude

    landing = landing_fingerprint(settings.landing)

    # Steps' own output is sent to a file while they run; progress goes to the terminal all the same.
    say = functools.partial(typer.echo, file=sys.stdout)
    try:
        outcome = materialize_community(settings, job, months, say, accept_volume)
    except ValueError as error:
        _stop(str(error))
    except KeyboardInterrupt:
        # To stdout: where stderr goes is the stopped run's business until the process ends.
        typer.echo("stopped; what was finished is kept, and the next `materialize` goes on from there")
        leave(130)
    typer.echo(conclude(outcome, settings.dagster_home / "steps.log"), err=not outcome.success)
    if outcome.success and not months and job == "build_community":
        freshness.remember(settings, landing)
    return outcome.success


@app.command()
def evaluate(
    model_version: Annotated[str, typer.Argument(help="Model version; all of them by default.")] = "",
) -> None:
    """Compare scores and favorites with what people say of photos, with intervals.

    Reads the table `beauty_evaluation`, which `beautyflow materialize` makes where there are ratings or labels.
    """
    from assets.contracts.lake import Lake
    from assets.crowd.evaluation import evaluation_report

    lake = Lake(_settings_of_a_community().lake_uri)
    try:
        typer.echo(evaluation_report(lake, model_version))
    except ValueError as error:
        _stop(str(error))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def models(context: typer.Context) -> None:
    """Networks there are: `models list`, `models card NAME`, and `models pull NAME`, which downloads a checkpoint.

    Nothing is ever downloaded unless it is asked for here. What is pulled goes to `checkpoints/` of the community.
    """
    # In a process of its own: the command must not hold torch, nor know the package that does.
    arguments = context.args or ["--help"]
    if arguments[0] == "pull" and not any(argument.startswith("--folder") for argument in arguments):
        arguments = [*arguments, "--folder", str(Settings.from_environment().checkpoints)]
    raise typer.Exit(
        subprocess.run([sys.executable, "-m", "models", *arguments], cwd=PROJECT_ROOT, check=False).returncode
    )


@app.command()
def sql(
    query: Annotated[
        str | None, typer.Argument(help="One SQL statement; without it, a prompt opens, or what is piped in runs.")
    ] = None,
    output: Annotated[str, typer.Option("--format", help="`table`, `csv` or `json`.")] = "table",
    rows: Annotated[
        int | None, typer.Option(min=1, help="Most rows to print.", show_default="50 in a table, all in csv and json")
    ] = None,
) -> None:
    """Query the warehouse: a read-only copy, replaced after each successful dbt run, so nobody waits for a writer.

    A pipe (`beautyflow sql < queries.sql`) holds any number of statements with a semicolon after each but the last.
    Each answer follows the one before it, in the format asked for. A statement that fails says why on standard error,
    and the next one is answered all the same. Each stands alone: settings and temporary tables do not outlive it.
    Comments get no answer, nor does an empty pipe.

    Exit code 1 if a statement of a pipe failed, 2 if the one given failed or nothing is published yet.

    Example: `beautyflow sql "select user_id, beauty_shrunken, photos from fct_user_beauty order by 2 desc limit 5"`
    """
    from assets.dbt import query as warehouse

    settings = _settings_of_a_community()
    try:
        if query is not None:
            typer.echo(warehouse.print_query(settings, query, output, rows))
        elif sys.stdin.isatty():
            warehouse.prompt(settings, rows)
        else:
            complain = functools.partial(typer.echo, err=True)
            if warehouse.answer_script(settings, output, rows, lambda _: input(), typer.echo, complain):
                raise typer.Exit(1)
    except warehouse.QueryFailure as failure:
        _stop(str(failure))


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """What this community holds: tables, months, rows, excluded rows, refused months, quarantine, model, warehouse.

    Excluded rows landed and may not be published; of a refused month, the last good rows stay published.
    """
    from assets.inventory import render_inventory, take_inventory

    inventory = take_inventory(_settings_of_a_community())
    typer.echo(json.dumps(inventory, indent=1) if as_json else render_inventory(inventory))


@app.command()
def rejected(
    source: Annotated[str, typer.Argument(help="Name of a source; all sources by default.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Rows per table and reason.")] = 3,
) -> None:
    """Rows of the sources that did not land, with file, row and reason, whether or not anything is published yet.

    How many there are, and where: `beautyflow sql "select * from lake.quarantine"`, once something is published. What
    the rows said is not in the warehouse.
    """
    from assets.contracts.lake import Lake
    from assets.contracts.landed import LANDED
    from assets.landing.rejections import rejected_rows, render_rejected

    lake = Lake(_settings_of_a_community().lake_uri)
    names = lake.zones(LANDED)
    if source and source not in names:
        _stop(f"there is no source {source!r}; there is {', '.join(names) or 'none'}")
    for name in [source] if source else names:
        shown = render_rejected(rejected_rows(lake, name, limit=limit))
        typer.echo(f"{name}:\n{shown}" if shown else f"{name}: no row was rejected")


@app.command()
def vacuum(
    days: Annotated[
        int,
        typer.Option(
            min=0, help="Keep what was replaced within so many days, for readers still at it; at least an hour."
        ),
    ] = VACUUM_GRACE.days,
) -> None:
    """Delete data files that were replaced a while ago, and what killed runs left; run it weekly.

    Do it after a successful `materialize`: the published warehouse then names current files only.
    """
    from datetime import timedelta

    from assets.contracts.lake import Lake

    deleted = Lake(_settings_of_a_community(written=True).lake_uri).vacuum(max(timedelta(days=days), VACUUM_LEAST))
    typer.echo(f"{counted(len(deleted), 'file')} deleted")


@app.command()
def demo() -> None:
    """Simulate a community, run the whole platform on it and show who is beautiful and unseen.

    A second run finds everything in place and ends in seconds.
    """
    from assets.landing.simulation import simulate_into
    from assets.showcase import show_results

    started = time.monotonic()
    settings = _settings_to_write()
    typer.echo(f"Community folder: {settings.home}")
    typer.echo(simulate_into(settings, {}, typer.echo))
    if not _materialize("", "build_community"):
        raise typer.Exit(1)
    typer.echo(show_results(settings))
    typer.echo(f"Finished in {time.monotonic() - started:.0f} s.")


@app.command()
def ui(port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 3000) -> None:
    """Open Dagster on this community: graph, plots, checks, runs, backfills, schedules and sensors.

    Exit code 2 if there is no community, or the port is taken.
    """
    from assets.prerequisites import require_port

    settings = _settings_of_a_community(written=True)
    try:
        require_port(port)
    except ValueError as error:
        _stop(str(error))
    from assets.running import prepare_instance_folder

    prepare_instance_folder(settings)
    typer.echo(f"Dagster comes up at http://localhost:{port} within a minute; Ctrl-C ends it.")
    workspace = PROJECT_ROOT / "infra" / "dagster" / "workspace.yaml"
    command = [sys.executable, "-m", "dagster", "dev", "--workspace", str(workspace), "--port", str(port)]
    # A shell starts what runs in the background deaf to Ctrl-C, and some starters to SIGTERM; Dagster would stay so.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_DFL)
    # In this very process, so that whoever ends it, by Ctrl-C or as a service, ends Dagster.
    os.execve(sys.executable, command, child_environment(settings))  # noqa: S606 (our own Python)


def _settings_of_a_community(*, written: bool = False) -> Settings:
    """Settings of a community that exists: only `simulate`, `import` and `demo` begin one."""
    from assets.prerequisites import require_community

    settings = Settings.from_environment()
    try:
        require_community(settings)
    except ValueError as error:
        _stop(str(error))
    return _settings_to_write() if written else settings


def _settings_to_write() -> Settings:
    """Settings of a community that can be made, or written where it exists."""
    from assets.prerequisites import require_writable

    settings = Settings.from_environment()
    try:
        require_writable(settings)
    except ValueError as error:
        _stop(str(error))
    return settings


def _stop(message: str) -> NoReturn:
    typer.echo(f"beautyflow: {message}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """Entry point of the `beautyflow` script."""
    app()
