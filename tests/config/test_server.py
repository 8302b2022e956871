"""Behind a proxy and in containers: probes, visitors told apart, and files of the deployment that name what there is."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from imagebank.jobs import QUICK
from surveys.reading.link_guard import GUESSES

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())


@pytest.fixture
def on_a_server(settings):
    settings.ALLOWED_HOSTS = ["study.example.org"]
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.django_db
def test_a_probe_asks_by_address_and_over_http(client, on_a_server):
    assert client.get("/healthz", headers={"host": "10.1.2.3:8000"}).content == b"ok"
    assert client.get("/readyz", headers={"host": "10.1.2.3:8000"}).json()["checks"]["migrations"] == "ok"
    assert client.get("/account/login/", headers={"host": "10.1.2.3:8000"}).status_code == 400
    over_http = client.get("/account/login/", headers={"host": "study.example.org"})
    assert (over_http.status_code, over_http["Location"]) == (301, "https://study.example.org/account/login/")


@pytest.mark.django_db
def test_behind_a_proxy_a_stranger_who_guesses_shuts_out_himself_alone(client, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    stranger = {"x-forwarded-for": "203.0.113.9"}
    for number in range(GUESSES):
        # What a visitor writes into the header stands before what the proxy saw.
        forged = {"x-forwarded-for": f"198.51.100.{number}, 203.0.113.9"}
        assert client.get(f"/r/guess-{number}/", headers=forged).status_code == 404
    assert client.get("/r/one-more/", headers=stranger).status_code == 429
    assert client.get("/r/one-more/", headers={"x-forwarded-for": "203.0.113.10"}).status_code == 404


def test_one_setting_tells_sign_in_pages_and_the_api_how_many_proxies_there_are():
    code = (
        "import django; django.setup(); from django.conf import settings; import json;"
        "from rest_framework.settings import api_settings;"
        "print(json.dumps([settings.ALLAUTH_TRUSTED_PROXY_COUNT, api_settings.NUM_PROXIES]))"
    )
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test"}
    for given, expected in ({"TRUSTED_PROXIES": "2"}, [2, 2]), ({}, [0, 0]):
        said = subprocess.run([sys.executable, "-c", code], env=env | given, cwd=ROOT, capture_output=True, text=True, check=True)
        assert json.loads(said.stdout) == expected


def test_every_part_comes_back_after_a_restart_and_says_whether_it_is_well():
    assert set(COMPOSE["services"]) == {"web", "worker", "quick", "database", "broker"}
    for name, service in COMPOSE["services"].items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name
    for worker in ("worker", "quick"):
        assert COMPOSE["services"][worker]["depends_on"] == {"web": {"condition": "service_healthy"}}, "it needs what web migrates"
    assert f"--queues {QUICK} " in COMPOSE["services"]["quick"]["command"]
    assert "--queues" not in COMPOSE["services"]["worker"]["command"], "long jobs are taken by it alone"
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 1
    assert ports[0].startswith("127.0.0.1:"), "nothing answers past the proxy"


def test_the_web_servers_processes_share_what_they_load():
    assert runpy.run_path(str(ROOT / "gunicorn.conf.py"))["preload_app"]
    image = (ROOT / "Dockerfile").read_text()
    assert "WORKDIR /app\n" in image, "gunicorn reads the file in the folder that it is started in"
    assert "COPY . .\n" in image


def test_settings_and_variables_of_the_deployment_are_known_and_explained():
    settings = (ROOT / ".env.example").read_text()
    assert [name for name in COMPOSE["x-diptych"]["environment"] if f"# {name}=" not in settings] == []
    paper = (ROOT / "docs" / "server.md").read_text()
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text()))
    assert asked
    assert [name for name in sorted(asked) if f"`{name}`" not in paper] == []


def test_the_pages_of_the_proxy_are_there_and_need_nothing_of_the_site():
    paper = (ROOT / "docs" / "server.md").read_text()
    named = set(re.findall(r"error_page [\d =]+ /([\w-]+\.html);", paper))
    assert named == {path.name for path in (ROOT / "docs" / "server").iterdir()} == {"away.html", "too-large.html"}
    for name in named:
        assert f"location = /{name} " in paper
        page = (ROOT / "docs" / "server" / name).read_text()
        assert set(re.findall(r'(?:href|src)="([^"]*)"', page)) <= {"", "data:,"}, "the site is away"
        assert not re.search(r"url\(|@import|<script", page)
