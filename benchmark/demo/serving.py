"""The demo's web server and two workers, one for quick jobs alone: they start together, and when one ends, so do the others."""

import os
import signal
import socket
import sys
import time

from django.conf import settings

from imagebank.jobs import QUICK

from .processes import StepFailed, end, start

WEB_THREADS = 8
WORKER = [sys.executable, "-m", "celery", "--quiet", "-A", "config", "worker", "--pool", "solo", "--loglevel", "WARNING"]
WORKERS = {"worker": WORKER, "quick worker": [*WORKER, "--hostname", "quick@%h", "--queues", QUICK]}
EVERYWHERE = ("0.0.0.0", "[::]", "::")  # noqa: S104 - recognised, never chosen


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of "host:port" or of a port alone. Raises StepFailed for anything else."""
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise StepFailed(f'--address is a port or host:port, for example 127.0.0.1:8000; found "{address}".')
    return host or "127.0.0.1", int(port)


def require_free(host: str, port: int) -> None:
    """Raise StepFailed when the web server could not listen there."""
    bare = host.strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in bare else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bare, port))
        except OSError as error:
            raise StepFailed(
                f"Port {port} of {host} cannot be used ({error.strerror.lower()}). Choose another one: "
                f"make demo PORT={port + 1}."
            ) from error


def serve(host: str, port: int, said) -> None:
    """Run both until Control-C, SIGTERM, or the end of either. Raises StepFailed when one ends by itself."""
    require_free(host, port)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    if host in EVERYWHERE:
        os.environ.setdefault("ALLOWED_HOSTS", "*")
        said("Every machine of this network can open it now, and the passwords are known: use it among friends.")
    elif host not in settings.ALLOWED_HOSTS:
        os.environ.setdefault("ALLOWED_HOSTS", ",".join([*settings.ALLOWED_HOSTS, host]))
    web = [sys.executable, "-m", "gunicorn", "config.wsgi", "--threads", str(WEB_THREADS), "--bind", f"{host}:{port}"]
    run_together({"web server": [*web, "--graceful-timeout", "5", "--log-level", "warning"], **WORKERS}, said)


def run_together(commands: dict[str, list[str]], said) -> None:
    """Run all commands until Control-C, SIGTERM, or the end of one of them, which ends the others and is an error."""
    previous = signal.signal(signal.SIGTERM, _stop)
    processes = {}
    try:
        for name, command in commands.items():
            processes[name] = start(command)
        while all(process.poll() is None for process in processes.values()):
            time.sleep(0.3)
        name, process = next((name, one) for name, one in processes.items() if one.poll() is not None)
        raise StepFailed(f"The {name} ended with exit status {process.returncode}; the rest is stopped, too.")
    except KeyboardInterrupt:
        said("Stopping.")
    finally:
        end(list(processes.values()))
        signal.signal(signal.SIGTERM, previous)


def _stop(number, frame):
    raise KeyboardInterrupt
