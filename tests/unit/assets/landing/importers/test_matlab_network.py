import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from assets.landing.importers import ImportFailure


@pytest.fixture
def mat(folder):
    def write(**variables):
        path = folder({"x/none": ""}) / "a.mat"
        savemat(path, variables)
        return path

    return write


NETWORK = csc_matrix(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=float))


def test_read_takes_links_and_one_group_per_user(importing, mat):
    report = importing.run("matlab_network", mat(Network=NETWORK, Label=np.array([[5], [6], [5]]), Tags=NETWORK))
    assert [(r["follower_id"], r["followee_id"]) for r in importing.rows("edges")] == [(1, 2), (2, 1)]
    assert [(r["user_id"], r["group_id"]) for r in importing.rows("group_memberships")] == [(1, 5), (2, 6), (3, 5)]
    assert [r["user_id"] for r in importing.rows("users")] == [1, 2, 3]
    assert "ignored the variables Tags" in report.notes


def test_read_takes_many_groups_per_user(importing, mat):
    groups = np.array([[1, 1], [0, 0], [0, 1]])
    importing.run("matlab_network", mat(net=NETWORK, g=groups), network="net", groups="g")
    assert [(r["user_id"], r["group_id"]) for r in importing.rows("group_memberships")] == [(1, 1), (1, 2), (3, 2)]


def test_read_rejects_self_links_by_entry(importing, mat):
    importing.run("matlab_network", mat(Network=np.array([[1.0, 1.0], [0.0, 0.0]])))
    assert importing.reasons("edges") == [(1, "followee_id", "self_follow")]
    assert importing.rejected("edges")[0]["file"] == "a.mat#Network"
    assert importing.rejected("edges")[0]["text"] == '{"follower_id":1,"followee_id":1}'


def test_read_refuses_absent_and_oblong_matrices(importing, mat):
    with pytest.raises(ImportFailure, match="no variable 'Network'; there are A; expected a square matrix"):
        importing.run("matlab_network", mat(A=NETWORK))
    with pytest.raises(ImportFailure, match="Network is 2 x 3; expected a square matrix"):
        importing.run("matlab_network", mat(Network=np.ones((2, 3))))
    with pytest.raises(ImportFailure, match="Label has 2 rows; expected 3 rows, one per user"):
        importing.run("matlab_network", mat(Network=NETWORK, Label=np.array([[1], [2]])))
    with pytest.raises(ImportFailure, match="Network is no matrix"):
        importing.run("matlab_network", mat(Network={"a": 1}))


@pytest.mark.parametrize("content", [b"no matlab", b"", b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"])
def test_read_refuses_other_files(importing, folder, content):
    with pytest.raises(ImportFailure, match=r"cannot be read as a MATLAB file.*save -v7"):
        importing.run("matlab_network", folder({"a.mat": content}) / "a.mat")
