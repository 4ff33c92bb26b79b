import io
import tarfile

import pytest

from assets.contracts.quarantine import QUARANTINE
from assets.contracts.registry import all_contracts
from assets.landing.importers import import_source, workspace


def tar(*names):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO(b""))
    return buffer.getvalue()


FOLDER = {
    "users.csv": "user_id,opted_in\n1,true\n2,true\n2,no\n3,soon\n1,true\n",
    "edges.csv": "follower_id,followee_id,created_at\n1,2,\n1,2,\n2,1,2015-01-01\n1,2,\n",
    "photos.csv": "photo_id,uri,is_public\n1,a.tar#1,true\n2,a.tar#2,true\n3,a.tar#gone,true\n1,,false\n4,a.tar#2,no\n",
    "a.tar": tar("1", "2", "2"),
}


@pytest.mark.parametrize("most", [0, 1])
def test_change_gives_the_same_whether_it_updates_or_writes_anew(importing, folder, monkeypatch, most):
    path = folder(FOLDER)
    importing.run("canonical", path)
    monkeypatch.setattr(workspace, "MOST_UPDATES", most)
    import_source("canonical", path, name="anew", lake=importing.lake, landing_root=importing.landing_root)
    anew = importing.lake.zone("landed/anew")
    for contract in all_contracts().values():
        if contract.key != QUARANTINE.key:
            assert anew.read(contract) == importing.zone.read(contract)
    without_name = anew.read(QUARANTINE).drop_columns("source")
    assert without_name == importing.zone.read(QUARANTINE).drop_columns("source")
    assert sorted(without_name["reason"].to_pylist()) == ["duplicate_key"] * 5 + ["no_image", "not_a_boolean"]
    assert [row["is_public"] for row in importing.rows("photos")] == [False, True, False]
