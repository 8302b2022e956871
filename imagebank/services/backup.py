"""The whole site as one file: a consistent copy of the database and everything stored beside it, with checksums."""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from imagebank.models import Study

from .storing import StoreAway
from .working import working_folder

SCHEMA = "diptych-backup/1"
CONTENTS = "contents.json"
DATABASE = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
# Made again by itself, or of this machine alone: the broker's letters, collected static files, the local secret.
LEFT_OUT = {"broker", "static", "secret_key"}
MEDIA_FOLDER = Path(settings.MEDIA_ROOT).name
MEDIA = f"var/{MEDIA_FOLDER}/"
Progress = Callable[[int, int], None]


def back_up(*, target: Path, progress: Progress = lambda done, total: None) -> int:
    """Write database and stored files to `target` (.tar.gz) and return how many files it holds.

    Written beside the target and moved there when whole, so that an interrupted backup never looks like one. Readers
    may go on: the database is copied in one transaction, and stored files are never changed once written.
    """
    target = Path(target)
    if target.resolve().is_relative_to(settings.VAR_DIR.resolve()):
        raise ValidationError(f"{target} would be part of every later backup; name a place outside {settings.VAR_DIR}.")
    partial = target.with_name(f".{target.name}.part")
    hashes = {}
    with TemporaryDirectory() as scratch:
        database = Path(scratch) / DATABASE[connection.vendor]
        _copy_database(database)
        try:
            # After the rows, so that every picture they name is among them.
            files = [(database.name, database), *sorted(_stored_files()), *((name, None) for name in sorted(_in_bucket()))]
            with tarfile.open(partial, "w:gz", compresslevel=1) as archive:
                partial.chmod(0o600)  # it holds names and truth
                for done, (name, path) in enumerate(files, start=1):
                    try:
                        path = path or _fetched(name, Path(scratch))
                        hashes[name] = _sha256(path)
                        archive.add(path, name, recursive=False)
                    except FileNotFoundError:  # a study, or an upload that came in, is being deleted beside this
                        hashes.pop(name, None)
                    progress(done, len(files))
                _add_text(archive, CONTENTS, json.dumps(_contents(hashes), indent=1))
            partial.replace(target)
        except StoreAway as error:
            raise ValidationError(f"{error} Nothing was left behind.") from error
        except OSError as error:
            raise ValidationError(f"{target} could not be written: {error.strerror}. Nothing was left behind.") from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
    return len(hashes)


def restore(*, source: Path, progress: Progress = lambda done, total: None) -> int:
    """Put a backup into this site, which must be empty, and return how many files were put back.

    Everything is unpacked and checked against its checksums first; a damaged or foreign file raises ValidationError and
    leaves the site as it was.
    """
    if MigrationRecorder(connection).has_table() and _has_rows():
        raise ValidationError("This site is not empty; a backup is restored into a new DIPTYCH_VAR and database only.")
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    with working_folder(settings.VAR_DIR, ".restore-") as scratch:
        try:
            with tarfile.open(source, "r:gz") as archive:
                _unpack(archive, scratch)
            contents = json.loads((scratch / CONTENTS).read_text())
        except (OSError, tarfile.TarError, EOFError, ValueError) as error:
            raise ValidationError(f"{Path(source).name} is not a whole backup: {error}.") from error
        _check(scratch, contents)
        for done, name in enumerate(contents["sha256"], start=1):
            if name.startswith("var/"):
                _put_back(scratch / name, name)
            progress(done, len(contents["sha256"]))
        _load_database(scratch / DATABASE[connection.vendor])
    return len(contents["sha256"])


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Write the archive's files below `folder`. A link, a device or a way out of the folder raises ValueError.

    By hand, since Python 3.11.2, which Debian 12 brings, knows no filter for it.
    """
    for entry in archive:
        place = folder / entry.name
        if not entry.isfile() or not place.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{entry.name} is no file of a site")
        place.parent.mkdir(parents=True, exist_ok=True)
        with archive.extractfile(entry) as source, place.open("wb") as target:
            shutil.copyfileobj(source, target)
        place.chmod(entry.mode & 0o777)
        os.utime(place, (entry.mtime, entry.mtime))


def _stored_files() -> Iterator[tuple[str, Path]]:
    """Names in the archive, and files. In a site with a bucket MEDIA_ROOT holds copies from it, which stay out."""
    database = str(connection.settings_dict["NAME"])
    left_out = LEFT_OUT | ({MEDIA_FOLDER} if settings.AWS_STORAGE_BUCKET_NAME else set())
    for path in settings.VAR_DIR.rglob("*"):
        name = path.relative_to(settings.VAR_DIR)
        hidden = any(part.startswith(".") for part in name.parts) or str(path).startswith(database)
        if name.parts[0] not in left_out and not hidden and path.is_file() and not path.is_symlink():
            yield f"var/{name}", path


def _in_bucket() -> Iterator[str]:
    """Names in the archive of what lies in the bucket, the same as if it lay on the disk: either kind of site takes either's backup."""
    if settings.AWS_STORAGE_BUCKET_NAME:
        yield from (f"{MEDIA}{name}" for name in default_storage.names())


def _fetched(name: str, scratch: Path) -> Path:
    """A file of the bucket, in the place of the last one fetched. Raises FileNotFoundError when it is gone."""
    place = scratch / "fetched"
    with default_storage.open(name.removeprefix(MEDIA)) as file:
        place.write_bytes(file.read())
    return place


def _copy_database(target: Path) -> None:
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with sqlite3.connect(target) as copy:
            connection.connection.backup(copy)
        copy.close()
    else:
        _postgres("pg_dump", "--format=custom", f"--file={target}")


def _put_back(file: Path, name: str) -> None:
    if not (settings.AWS_STORAGE_BUCKET_NAME and name.startswith(MEDIA)):
        place = settings.VAR_DIR / name.removeprefix("var/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, place)
        return
    try:
        with file.open("rb") as handle:
            default_storage.save(name.removeprefix(MEDIA), File(handle))
    except StoreAway as error:
        raise ValidationError(f"{error} The database is still empty; restore again then.") from error


def _load_database(source: Path) -> None:
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        saved = sqlite3.connect(source)
        saved.backup(connection.connection)
        saved.close()
    else:
        connections.close_all()
        _postgres("pg_restore", "--clean", "--if-exists", "--no-owner", "--exit-on-error", str(source), into=True)


def _postgres(tool: str, *arguments: str, into: bool = False) -> None:
    """Run one of PostgreSQL's own tools on our database; its password travels by environment, not on the command line."""
    if shutil.which(tool) is None:
        raise ValidationError(f"{tool} is missing: install PostgreSQL's client (Debian: postgresql-client).")
    at = connection.settings_dict
    where = [f"--host={at['HOST']}", f"--port={at['PORT'] or 5432}", f"--username={at['USER']}"]
    done = subprocess.run(
        [tool, *where, f"--dbname={at['NAME']}", *arguments],
        env={"PGPASSWORD": at["PASSWORD"] or "", "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ValidationError(f"{tool} did not finish: {done.stderr.strip().splitlines()[-1]}")


def _contents(hashes: dict[str, str]) -> dict:
    return {
        "schema": SCHEMA,
        "made_at": timezone.now().isoformat(),
        "database": connection.vendor,
        "migrations": sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()),
        "sha256": hashes,
    }


def _check(folder: Path, contents: dict) -> None:
    if contents.get("schema") != SCHEMA or contents.get("database") != connection.vendor:
        raise ValidationError(
            f"A backup of the form {SCHEMA} from {connection.vendor} was needed; this one is "
            f"{contents.get('schema')} from {contents.get('database')}."
        )
    for name, expected in contents["sha256"].items():
        path = folder / name
        if not path.is_file() or _sha256(path) != expected:
            raise ValidationError(f"{name} in the backup is missing or damaged; nothing was restored.")


def _has_rows() -> bool:
    return Study._meta.db_table in connection.introspection.table_names() and Study.objects.exists()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text.encode())
    archive.addfile(entry, io.BytesIO(text.encode()))
