"""The asset graph as a file that a person can read, and that a review shows the change of.

``python tests/architecture/test_asset_graph.py`` writes ``tests/golden/asset_graph.txt`` anew.
"""

from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "asset_graph.txt"
COMMAND = "python tests/architecture/test_asset_graph.py"


def render_asset_graph() -> str:
    """Every asset with its group, what it is made from, how it is split, and what must be true of it."""
    from assets.definitions import build_defs

    graph = build_defs().resolve_asset_graph()
    lines = []
    for key in sorted(graph.materializable_asset_keys, key=lambda k: k.to_user_string()):
        node = graph.get(key)
        split = "by month" if node.partitions_def else "whole"
        lines.append(f"{key.to_user_string()}  [{node.group_name}, {split}]")
        lines += [f"    from   {parent.to_user_string()}" for parent in sorted(node.parent_keys)]
        lines += [f"    check  {check.name}" for check in sorted(node.check_keys, key=lambda c: c.name)]
    return "\n".join(lines) + "\n"


def test_asset_graph_is_as_written():
    graph = render_asset_graph()
    assert graph.count("\n") > 20
    assert graph == GOLDEN.read_text(), (
        f"the asset graph changed; if that is meant, run `{COMMAND}` and commit the result"
    )


if __name__ == "__main__":
    GOLDEN.write_text(render_asset_graph())
    print(f"wrote {GOLDEN}")
