"""A desktop for one screen reader's user: a screen that nobody sees, a window manager, Chromium, and Orca, whose speech is written down."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PACKAGES = {
    "Xvfb": "xvfb", "dbus-daemon": "dbus", "openbox": "openbox", "xdotool": "xdotool", "orca": "orca", "chromium": "chromium",
}  # fmt: skip
BUS_LAUNCHER = Path("/usr/libexec/at-spi-bus-launcher")
SIZE = "1280x900x24"
QUIET_S = 1.2  # nothing said for so long: it is said
LONGEST_S = 20
# Orca reads this file from its folder of preferences. It notes every utterance and every order to fall silent.
LISTEN = """
import json, time
from orca import speech

def note(kind, words=""):
    with open({file!r}, "a") as file:
        file.write(json.dumps([time.time(), kind, words]) + "\\n")

def listened(name, kind):
    speak = getattr(speech, name)
    def wrapped(*arguments, **values):
        note(kind, arguments[0] if arguments and isinstance(arguments[0], str) else "")
        return speak(*arguments, **values)
    setattr(speech, name, wrapped)

def overheard(utterances):
    for context, voice in utterances:
        note("said", context.utterance)
        yield [context, voice]

say_all = speech.sayAll
speech.sayAll = lambda utterances, progress: say_all(overheard(utterances), progress)
listened("_speak", "said")
listened("speakCharacter", "said")
listened("stop", "silenced")
note("ready")
"""


@dataclass(frozen=True)
class Heard:
    """One utterance; `cut` when it was silenced before a usual voice would have ended it."""

    words: str
    cut: bool


CHARACTERS_A_SECOND = 15


class Desktop:
    """Use as a context; `page` addresses are opened in a window as high and wide as the screen."""

    def __init__(self, folder: Path):
        missing = sorted(package for program, package in PACKAGES.items() if shutil.which(program) is None)
        if not BUS_LAUNCHER.exists():
            missing.append("at-spi2-core")
        if missing:
            sys.exit(f"A screen reader needs the Debian packages {', '.join(missing)}: apt-get install {' '.join(missing)}.")
        self.folder, self.speech, self.running = folder, folder / "speech.jsonl", []
        self.read = 0
        self.environment = {
            key: value for key, value in os.environ.items() if key in {"PATH", "LANG", "HOME"}
        } | {
            "LANG": "C.UTF-8", "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "NO_AT_BRIDGE": "0", "GTK_MODULES": "gail:atk-bridge",
            "ACCESSIBILITY_ENABLED": "1",
        }  # fmt: skip

    def __enter__(self):
        self.folder.chmod(0o700)
        display, numbered = os.pipe()
        self.start("Xvfb", "-displayfd", str(numbered), "-screen", "0", SIZE, "-nolisten", "tcp", pass_fds=(numbered,))
        self.environment["DISPLAY"] = ":" + os.read(display, 16).decode().strip()
        address, printed = os.pipe()
        self.start("dbus-daemon", "--session", "--nofork", f"--print-address={printed}", pass_fds=(printed,))
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = os.read(address, 500).decode().strip()
        self.start("openbox")
        self.start(str(BUS_LAUNCHER), "--launch-immediately", "--a11y=1", "--screen-reader=1")
        preferences = self.folder / "orca"
        preferences.mkdir()
        (preferences / "orca-customizations.py").write_text(LISTEN.format(file=str(self.speech)))
        self.start("orca", "--replace", "--user-prefs", str(preferences))
        self.until_ready()
        return self

    def until_ready(self) -> None:
        for _ in range(10 * LONGEST_S):
            if self.speech.exists():
                return
            time.sleep(0.1)
        sys.exit(f"Orca did not start; see {self.folder / 'orca.log'}.")

    def start(self, program: str, *arguments: str, **options) -> None:
        log = (self.folder / f"{Path(program).name}.log").open("w")
        self.running.append(subprocess.Popen([program, *arguments], env=self.environment, stdout=log, stderr=log, cwd=self.folder,
                                             start_new_session=True, **options))  # fmt: skip

    def open(self, address: str) -> None:
        """A window of Chromium without bars of its own, so that Tab stays in the page."""
        self.start(
            "chromium", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-renderer-accessibility", "--no-first-run",
            f"--user-data-dir={self.folder / 'profile'}", "--window-size=1280,900", "--window-position=0,0",
            "--disable-background-networking", "--disable-component-update", "--password-store=basic", "--test-type",
            "--kiosk", address,
        )  # fmt: skip

    def press(self, keys: str) -> list[Heard]:
        """Press keys as xdotool names them ("Tab", "shift+Tab", "2"), and hear what follows."""
        self.tool("key", "--delay", "60", keys)
        return self.hear()

    def tool(self, *arguments: str) -> str:
        return subprocess.run(["xdotool", *arguments], env=self.environment, check=True, capture_output=True, text=True).stdout

    def hear(self, longest_s: float = LONGEST_S) -> list[Heard]:
        """What has been said since the last time, once it is quiet."""
        end, size = time.monotonic() + longest_s, -1
        while time.monotonic() < end:
            now = self.speech.stat().st_size
            if now == size:
                break
            size = now
            time.sleep(QUIET_S)
        with self.speech.open() as file:
            file.seek(self.read)
            rows = [json.loads(line) for line in file]
            self.read = file.tell()
        return [
            Heard(words, any(other == "silenced" and at < then < at + len(words) / CHARACTERS_A_SECOND for then, other, _ in rows[n:]))
            for n, (at, kind, words) in enumerate(rows)
            if kind == "said" and words.strip()
        ]  # fmt: skip

    def __exit__(self, *_):
        for process in reversed(self.running):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
