import os
from pathlib import Path

import pytest

from launcher import paths
from launcher.accounts import Account
from launcher.say import Refusal

ME = Account(os.geteuid(), os.getegid(), "me", switch=False)


def test_socket_path_fits_however_long_the_checkout_is():
    root = Path("/" + "/".join(["folder" * 20] * 20))
    folder = paths.socket_folder(root, 1000)
    assert len(os.fsencode(folder / ".s.PGSQL.5432")) <= 107


def test_socket_folder_is_one_of_this_checkout_and_account(tmp_path: Path):
    folders = {paths.socket_folder(tmp_path / name, uid) for name in ("a", "b") for uid in (1, 2)}
    assert len(folders) == 4
    assert paths.socket_folder(tmp_path / "a", 1) in folders


def test_private_folder_is_made_for_nobody_else(tmp_path: Path):
    folder = paths.private_folder(tmp_path / "socket", ME)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert paths.private_folder(tmp_path / "socket", ME) == folder


def test_private_folder_refuses_one_that_others_may_read(tmp_path: Path):
    (tmp_path / "socket").mkdir()
    (tmp_path / "socket").chmod(0o755)
    with pytest.raises(Refusal, match="not me's private folder"):
        paths.private_folder(tmp_path / "socket", ME)


def test_private_folder_refuses_a_link(tmp_path: Path):
    target = paths.private_folder(tmp_path / "target", ME)
    (tmp_path / "socket").symlink_to(target)
    with pytest.raises(Refusal, match="remove it"):
        paths.private_folder(tmp_path / "socket", ME)


def test_private_folder_refuses_somebody_elses(tmp_path: Path):
    paths.private_folder(tmp_path / "socket", ME)
    other = Account(ME.uid + 1, ME.gid, "other", switch=False)
    with pytest.raises(Refusal, match="not other's private folder"):
        paths.private_folder(tmp_path / "socket", other)


def test_local_folder_is_open_to_the_databases_account_whatever_the_umask(tmp_path: Path):
    before = os.umask(0o077)
    try:
        folder = paths.local_folder(tmp_path)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o755


def test_local_folder_that_can_not_be_made_is_one_sentence(tmp_path: Path):
    (tmp_path / "root").write_text("a file where the checkout should be")
    with pytest.raises(Refusal, match=r"can not be made .*: clone into a folder of your own"):
        paths.local_folder(tmp_path / "root")
