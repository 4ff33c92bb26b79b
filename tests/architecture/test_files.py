"""What every source file must be, and must not hold."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[2]
SOURCE = ("assets", "models", "ray_jobs", "dags")
EVERYWHERE = (*SOURCE, "tests", "infra", "dbt_project", "docs", ".ci")
TEXT = {".py", ".sql", ".yml", ".yaml", ".toml", ".md", ".sh", ".cfg", ".txt", ".json", ""}
GENERATED = {"target", "logs", "dbt_packages", "__pycache__", ".user.yml"}
MOST_LINES = 450
# Folders of somebody's machine. Spelled in halves, so that this file does not hold what it forbids.
MACHINE_PATH = re.compile(
    "|".join([r"(?<![\w.])/" + "work/", "/ro" + "ot/", "/ho" + r"me/\w", "/Us" + r"ers/\w", "/op" + "t/wh"])
)


def files_below(root: Path, folders: tuple[str, ...], suffixes: set[str]) -> list[Path]:
    found = [path for folder in folders for path in (root / folder).rglob("*") if path.suffix in suffixes]
    return sorted(p for p in found if p.is_file() and not GENERATED & set(p.parts))


def without_module_docstring(root: Path) -> list[str]:
    paths = [p for p in files_below(root, SOURCE, {".py"}) if p.read_text().strip()]
    return [str(p.relative_to(root)) for p in paths if not ast.get_docstring(ast.parse(p.read_text()))]


def reading_the_environment(root: Path) -> list[str]:
    """Files that name ``os.environ`` or ``os.getenv``, but for the one that may."""
    breaches = []
    for path in files_below(root, SOURCE, {".py"}):
        attributes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)]
        named = {n.attr for n in attributes if isinstance(n.value, ast.Name) and n.value.id == "os"}
        if named & {"environ", "getenv"} and path != root / "assets" / "contracts" / "settings.py":
            breaches.append(str(path.relative_to(root)))
    return breaches


def with_meaningless_names(root: Path) -> list[str]:
    banned = {"helpers", "helper", "utils", "util", "misc", "common"}
    everything = files_below(root, (*SOURCE, "tests"), {".py"})
    return [str(p.relative_to(root)) for p in everything if banned & {p.stem, p.parent.name}]


def too_long(root: Path) -> list[str]:
    paths = files_below(root, (*SOURCE, "tests"), {".py"})
    return [str(p.relative_to(root)) for p in paths if len(p.read_text().splitlines()) > MOST_LINES]


def with_machine_paths(root: Path) -> list[str]:
    paths = files_below(root, EVERYWHERE, TEXT)
    paths += [p for p in root.glob("*") if p.is_file() and (p.suffix in TEXT) and not p.name.startswith(".git")]
    return sorted(str(p.relative_to(root)) for p in paths if MACHINE_PATH.search(p.read_text(errors="ignore")))


def with_ownerless_todo(root: Path) -> list[str]:
    marker = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    return [
        str(p.relative_to(root)) for p in files_below(root, (*SOURCE, "tests"), {".py"}) if marker.search(p.read_text())
    ]


def with_broken_links(root: Path) -> list[str]:
    """Markdown files with a link to a file that is not there."""
    breaches = []
    for path in [*root.glob("*.md"), *files_below(root, ("docs", "infra"), {".md"})]:
        links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
        if any(not (path.parent / link).exists() for link in links if "://" not in link):
            breaches.append(str(path.relative_to(root)))
    return sorted(breaches)


RULES: dict[Callable[[Path], list[str]], dict[str, str]] = {
    without_module_docstring: {"assets/bare.py": "x = 1\n"},
    reading_the_environment: {
        "models/sly.py": '"""Doc."""\nimport os\nx = os.environ["HOME"]\n',
        "dags/sly.py": '"""Doc."""\nimport os\nx = os.getenv("HOME")\n',
    },
    with_meaningless_names: {"assets/helpers.py": '"""Doc."""\n', "tests/utils/x.py": ""},
    too_long: {"ray_jobs/long.py": '"""Doc."""\n' + "x = 1\n" * MOST_LINES},
    with_machine_paths: {"docs/here.md": "see /ho" + "me/someone/data\n", "Makefile": "A := /wo" + "rk/x\n"},
    with_broken_links: {"docs/a.md": "[b](b.md)\n", "README.md": "[here](docs/a.md) [there](docs/c.md)\n"},
    with_ownerless_todo: {"assets/later.py": '"""Doc."""\n# TO' + "DO: later\n"},
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_file_breaks_the_rule(rule):
    assert len(files_below(PROJECT_ROOT, SOURCE, {".py"})) > 50
    assert rule(PROJECT_ROOT) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_file_that_breaks_the_rule_is_seen(rule, tmp_path):
    good = {"assets/good.py": '"""Doc."""\n', "assets/contracts/settings.py": '"""Doc."""\nimport os\nx = os.environ\n'}
    for name, text in {**good, **RULES[rule]}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert rule(tmp_path) == sorted(RULES[rule])
