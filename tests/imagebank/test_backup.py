"""A site is put back from one file, on either database; a damaged file puts back nothing."""

import os
import shutil
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "")


class Site:
    """An installation of its own: a folder and a database, driven by its commands."""

    def __init__(self, var: Path, database: str):
        self.env = os.environ | {
            "DIPTYCH_VAR": str(var),
            "DATABASE_URL": database,
            "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        }

    def manage(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True, check=False
        )  # fmt: skip

    def titles(self) -> str:
        return self.manage(
            "shell", "-v0", "-c", "from imagebank.models import Study; print([s.title for s in Study.objects.all()])"
        ).stdout.strip()


@pytest.fixture(params=["sqlite", "postgresql"])
def sites(request, tmp_path):
    """Two sites: one with a study and a stored file, and an empty one."""
    if request.param == "postgresql" and not POSTGRES:
        pytest.skip("TEST_POSTGRES_URL is not set (Debian package: postgresql)")
    databases = [f"sqlite:///{tmp_path}/{name}.sqlite3" for name in ("old", "new")]
    if request.param == "postgresql":
        import psycopg

        names = [f"backup_{uuid.uuid4().hex[:12]}" for _ in range(2)]
        with psycopg.connect(POSTGRES, autocommit=True) as server:
            for name in names:
                server.execute(f"CREATE DATABASE {name}")
        databases = [POSTGRES.rsplit("/", 1)[0] + f"/{name}" for name in names]
    old, new = (Site(tmp_path / f"var-{place}", database) for place, database in zip("ab", databases, strict=True))
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_database"), tmp_path / "old.sqlite3")
    else:
        assert old.manage("migrate", "-v0").returncode == 0
    assert old.manage("load_study", "fixtures/founding").returncode == 0
    (tmp_path / "var-a" / "media").mkdir()
    (tmp_path / "var-a" / "media" / "picture.jpg").write_bytes(b"pixels")
    yield old, new
    if request.param == "postgresql":
        with psycopg.connect(POSTGRES, autocommit=True) as server:
            for name in names:
                server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.once
@pytest.mark.django_db
def test_a_site_comes_back_from_one_file(sites, tmp_path):
    old, new = sites
    saved = tmp_path / "site.tar.gz"
    done = old.manage("backup", str(saved))
    assert done.returncode == 0, done.stderr
    with tarfile.open(saved) as archive:
        names = archive.getnames()
    assert "var/media/picture.jpg" in names
    assert not [name for name in names if "secret_key" in name]
    assert saved.stat().st_mode & 0o077 == 0, "it holds names and truth"

    done = new.manage("restore", str(saved))
    assert done.returncode == 0, done.stderr
    assert new.titles() == old.titles() != "[]"
    assert (tmp_path / "var-b" / "media" / "picture.jpg").read_bytes() == b"pixels"

    again = new.manage("restore", str(saved))
    assert (again.returncode, "not empty" in again.stderr) == (2, True)


@pytest.mark.once
@pytest.mark.django_db
def test_a_damaged_or_foreign_file_is_refused_and_no_backup_is_written_where_it_must_not(migrated_database, tmp_path):
    shutil.copyfile(migrated_database, tmp_path / "old.sqlite3")
    old, new = (Site(tmp_path / f"var-{name}", f"sqlite:///{tmp_path}/{name}.sqlite3") for name in ("old", "new"))
    (tmp_path / "var-old" / "media").mkdir(parents=True)
    (tmp_path / "var-old" / "media" / "picture.jpg").write_bytes(b"pixels")
    saved = tmp_path / "site.tar.gz"
    assert old.manage("backup", str(saved)).returncode == 0
    nowhere = old.manage("backup", str(tmp_path / "no" / "folder.tar.gz"))
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (2, 1)
    assert "could not be written: No such file" in nowhere.stderr
    inside = old.manage("backup", str(tmp_path / "var-old" / "night.tar.gz"))
    assert (inside.returncode, "would be part of every later backup" in inside.stderr) == (2, True)
    assert not list((tmp_path / "var-old").glob("*night*"))

    (tmp_path / "short.tar.gz").write_bytes(saved.read_bytes()[:-200])
    refused = new.manage("restore", str(tmp_path / "short.tar.gz"))
    assert refused.returncode == 2
    assert "not a whole backup" in refused.stderr
    assert not (tmp_path / "var-new" / "media" / "picture.jpg").exists()

    foreign = tarfile.TarInfo("../outside.txt"), tarfile.TarInfo("var/link")
    foreign[1].type, foreign[1].linkname = tarfile.SYMTYPE, "/etc"
    for number, entry in enumerate(foreign):
        with tarfile.open(tmp_path / f"{number}.tar.gz", "w:gz") as archive:
            archive.addfile(entry)
        refused = new.manage("restore", str(tmp_path / f"{number}.tar.gz"))
        assert (refused.returncode, f"{entry.name} is no file of a site" in refused.stderr) == (2, True)
    assert not list(tmp_path.rglob("outside.txt"))
