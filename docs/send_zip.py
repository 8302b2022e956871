"""Send a ZIP of pictures to a study in pieces, and go on where it stopped after the line dropped or this program was ended.

    TOKEN=... python docs/send_zip.py https://study.example.org my-study pictures.zip [manifest.csv]

Needs Python alone. The name of the upload is kept beside the ZIP until its import is on; start the same command again to go on.
Prints the job that imports the pictures, or looks into them where there is no manifest.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

WAITS_S = (1, 2, 5, 10, 30, 60, 60, 60, 120, 300)
LINE_DOWN = (urllib.error.URLError, TimeoutError, ConnectionError)
AWAY = (502, 503, 504)  # for a moment


def ask(method: str, address: str, body: bytes | None = None, kind: str = "application/json") -> tuple[int, dict]:
    """Status and answer of one request; while the line is down or the site away it is sent again."""
    headers = {"Authorization": f"Token {os.environ['TOKEN']}", "Content-Type": kind}
    for wait in (*WAITS_S, None):
        try:
            with urllib.request.urlopen(urllib.request.Request(address, body, headers, method=method), timeout=120) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            if refused.code not in AWAY:
                said = "json" in refused.headers.get("Content-Type", "")
                return refused.code, json.load(refused) if said else {"errors": [{"detail": refused.reason}]}
            trouble = f"the site answered {refused.code}"
        except LINE_DOWN as down:
            trouble = str(down)
        if wait is None:
            sys.exit(f"{trouble}; start the same command again to go on")
        print(f"{trouble}; again in {wait} s", file=sys.stderr)
        time.sleep(wait)
    raise AssertionError


def told(status: int, answer: dict) -> dict:
    if status >= 400:
        sys.exit(f"{status}: " + " ".join(error["detail"] for error in answer["errors"]))
    return answer


def form(fields: dict[str, str], file: Path | None) -> tuple[bytes, str]:
    """A form with one file, as a browser sends it."""
    edge = uuid.uuid4().hex
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    if file:
        head = f'--{edge}\r\nContent-Disposition: form-data; name="manifest"; filename="manifest.csv"\r\nContent-Type: text/csv\r\n\r\n'
        parts.append(head.encode() + file.read_bytes() + b"\r\n")
    return b"".join(parts) + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


def send(site: str, study: str, archive: Path, manifest: Path | None = None) -> dict:
    """All of it: place for the ZIP or what is left of it, its pieces, the import."""
    size, note = archive.stat().st_size, archive.with_name(f"{archive.name}.{study}.upload")
    status, upload = ask("GET", f"{site}/api/uploads/{note.read_text()}/") if note.exists() else (404, {})
    if status != 200 or upload["size"] != size:
        asked = json.dumps({"study": study, "name": archive.name, "size": size}).encode()
        upload = told(*ask("POST", f"{site}/api/uploads/", asked))
    with archive.open("rb") as file:
        while upload["received"] < size:
            note.write_text(upload["upload"])  # it names the upload for a day from each answer on
            file.seek(upload["received"])
            piece = file.read(upload["piece"])
            if not piece:
                sys.exit(f"{archive} had {size:,} bytes and has fewer now; send it again when it is whole")
            address = f"{site}/api/uploads/{upload['upload']}/?offset={upload['received']}"
            status, answer = ask("PUT", address, piece, "application/octet-stream")
            upload = answer if status == 409 else told(status, answer)
            print(f"{upload['received']:,} of {size:,} bytes", file=sys.stderr)
    job = told(*ask("POST", f"{site}/api/images/import/", *form({"study": study, "upload": upload["upload"]}, manifest)))
    note.unlink(missing_ok=True)
    return job


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5) or "TOKEN" not in os.environ:
        sys.exit(__doc__)
    print(json.dumps(send(sys.argv[1].rstrip("/"), sys.argv[2], *map(Path, sys.argv[3:]))))
