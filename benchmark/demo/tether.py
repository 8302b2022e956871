"""Run a command that ends when its parent does: `python -m benchmark.demo.tether COMMAND ...`.

The parent holds the other end of standard input. When that closes, also because the parent was killed, the command is
asked to end and, ten seconds later, killed. Control-C reaches the command from the terminal.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE_S = 10


def main(command: list[str]) -> int:
    """Run the command and return its exit status (128 + the signal's number when a signal ended it)."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(child,), daemon=True).start()
    status = child.wait()
    return status if status >= 0 else 128 - status


def _end_with_parent(child: subprocess.Popen) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
