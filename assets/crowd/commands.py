"""`beautyflow crowd`: the rating task as files."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assets.contracts.settings import Settings
from assets.contracts.wording import counted

if TYPE_CHECKING:
    from assets.crowd.pictures import LeftOut

crowd_app = typer.Typer(no_args_is_help=True, help="Ask people how beautiful photos are.")
_SHOWN = 5


class TaskFormat(StrEnum):
    """How a task leaves the platform."""

    PAGE = "page"
    LABEL_STUDIO = "label-studio"


@crowd_app.callback()
def _crowd() -> None:
    """Keep `task` a command of its own while it is the only one."""


@crowd_app.command(name="task")
def task_command(
    out: Annotated[Path, typer.Option(help="Folder to write to; files of the same names are replaced.")],
    task_format: Annotated[
        TaskFormat,
        typer.Option("--format", help="`page`: one HTML file; `label-studio`: tasks, configuration, images."),
    ] = TaskFormat.PAGE,
    gold: Annotated[
        Path | None, typer.Option(help="CSV file with photo_id and gold_rating: questions with a known answer.")
    ] = None,
    image_url: Annotated[
        str, typer.Option(help="Address of the images folder for Label Studio; empty: its own local files.")
    ] = "",
    max_side: Annotated[int, typer.Option(help="Longer side of an image, pixels.")] = 900,
    max_bytes: Annotated[int, typer.Option(help="Most bytes of an image.")] = 200_000,
) -> None:
    """Write the rating task of the drawn sample, to be answered by people.

    The sample is the table `crowd_sample`, which `beautyflow materialize` draws.

    Example: `beautyflow crowd task --out task --format page --gold gold.csv`
    """
    settings = Settings.from_environment()
    try:
        typer.echo(export_task(settings, out, task_format, gold=gold, image_url=image_url, size=(max_side, max_bytes)))
    except (ValueError, OSError) as error:
        typer.echo(f"beautyflow: {error}", err=True)
        raise typer.Exit(2) from error


def export_task(
    settings: Settings,
    out: Path,
    task_format: str,
    *,
    gold: Path | None = None,
    image_url: str = "",
    size: tuple[int, int] = (900, 200_000),
) -> str:
    """Write the files of a task and say what was written.

    Args:
        settings: Which community.
        out: Folder to write to.
        task_format: ``page`` or ``label-studio``.
        gold: CSV file of gold questions.
        image_url: Address of the folder of images, for Label Studio.
        size: Longer side in pixels and most bytes of an image.

    Raises:
        ValueError: There is no sample, a gold question cannot be used, or nothing can be shown.
        OSError: A file cannot be read or written.
    """
    from assets.contracts.lake import Lake
    from assets.crowd.export import prepare_task, task_files
    from assets.crowd.pictures import PictureSize
    from assets.crowd.tasks import read_gold

    known = read_gold(gold) if gold is not None else {}
    ready = prepare_task(Lake(settings.lake_uri), str(settings.landing), known, PictureSize(*size))
    files = task_files(ready, task_format, image_url)
    for name, content in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    golden = sum(photo.gold_rating is not None for photo in ready.task.photos)
    lines = [
        f"Task {ready.task.task_id}: {counted(len(ready.task.photos), 'photo')}, of them "
        f"{counted(golden, 'gold question')}; {counted(len(files), 'file')} "
        f"({sum(map(len, files.values())) / 1e6:.1f} MB) in {out}",
        *_left_out_lines(ready.left_out),
    ]
    return "\n".join(lines)


def _left_out_lines(left_out: "tuple[LeftOut, ...]") -> list[str]:
    if not left_out:
        return []
    shown = [f"  photo {each.photo_id}: {each.reason}" for each in left_out[:_SHOWN]]
    more = [f"  and {len(left_out) - _SHOWN:,} more"] if len(left_out) > _SHOWN else []
    return [f"{counted(len(left_out), 'photo')} cannot be shown and stayed out:", *shown, *more]
