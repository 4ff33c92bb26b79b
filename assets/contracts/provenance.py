"""Code versions: a short hash of the source files that compute a table."""

import hashlib
from importlib.util import find_spec
from pathlib import Path


def code_version_of(*modules: str) -> str:
    """Twelve hexadecimal digits over the source of the named modules; a package counts with all it holds.

    The modules are found, not imported, so that naming a heavy one costs nothing.

    Raises:
        ModuleNotFoundError: A module does not exist.
    """
    digest = hashlib.sha256()
    for module in sorted(modules):
        for path in _source_files(module):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _source_files(module: str) -> list[Path]:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no module {module!r} to take the code version of")
    origin = Path(spec.origin)
    return sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
