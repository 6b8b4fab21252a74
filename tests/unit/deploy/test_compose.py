"""deploy/compose.yaml and deploy/Containerfile say what there is: valid, with our commands, variables and files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from jsonschema import Draft201909Validator

from connectors.kafka.settings import STOP_LIMIT_S
from dispatcher.cli.main import app
from dispatcher.settings import settings_from
from tests.conftest import PROJECT

DEPLOY = PROJECT / "deploy"
# The Compose specification's schema as docker-compose 1.29.2 ships it (Apache-2.0).
SPECIFICATION = Path(__file__).with_name("compose_spec.json")
OURS = ("topics", "serve", "worker", "relay")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file with the variables that a person must give."""
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    text = re.sub(r"\$\{[A-Z_]+:-(\w+)\}", r"\1", re.sub(r"\$\{POSTGRES_PASSWORD:\?[^}]*\}", "secret", text))
    assert "${" not in text
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_it_keeps_to_the_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(SPECIFICATION.read_text(encoding="utf-8"))
    del schema["id"]  # a relative one, which resolves nothing
    Draft201909Validator.check_schema(schema)
    assert [error.message for error in Draft201909Validator(schema).iter_errors(compose)] == []


@pytest.mark.parametrize("name", OURS)
def test_its_commands_exist(compose: dict[str, Any], name: str) -> None:
    command: Any = typer.main.get_command(app)
    words = list(compose["services"][name]["command"])
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context(name, words)  # raises for an option that does not exist


def test_its_variables_are_read_and_hold(compose: dict[str, Any]) -> None:
    read: set[str] = set()

    class Environment(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            read.add(key)
            return super().get(key, default)

    for name in OURS:
        given = compose["services"][name]["environment"]
        settings = settings_from(Environment(given))
        assert given.keys() <= read
        assert (settings.database_clock, settings.kafka) == (True, "kafka:9092")


def test_the_department_gets_the_variables_it_reads(compose: dict[str, Any]) -> None:
    adapter = (DEPLOY / "examples" / "department_adapter.py").read_text(encoding="utf-8")
    needed = set(re.findall(r'os\.environ\["(\w+)"\]', adapter))
    assert needed
    assert needed <= compose["services"]["water-works"]["environment"].keys()


def test_whoever_is_waited_for_exists_and_says_when_it_is_ready(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for name, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[name]
            else:
                assert services[name]["restart"] == "on-failure"


def test_nothing_listens_beyond_the_machine(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_worker_is_given_the_time_it_may_take_to_stop(compose: dict[str, Any]) -> None:
    assert int(compose["services"]["worker"]["stop_grace_period"].removesuffix("s")) > STOP_LIMIT_S


def test_the_broker_is_the_one_that_was_tested(compose: dict[str, Any]) -> None:
    pom = (DEPLOY / "kafka" / "pom.xml").read_text(encoding="utf-8")
    version = re.search(r"<kafka\.version>(.+?)<", pom)
    assert version is not None
    kafka = compose["services"]["kafka"]
    assert kafka["image"].endswith(f":{version[1]}")
    template = (DEPLOY / "kafka" / "server.properties.template").read_text(encoding="utf-8")
    tested = dict(line.split("=", 1) for line in template.splitlines() if "=" in line and not line.startswith("#"))
    given = {name[6:].lower().replace("_", "."): str(value) for name, value in kafka["environment"].items()}
    same = ("auto.create.topics.enable", "num.partitions", "offsets.topic.replication.factor", "process.roles")
    assert {name: given[name] for name in same} == {name: tested[name] for name in same}


def test_the_image_is_made_of_files_that_exist_and_starts_a_command_that_exists() -> None:
    lines = (DEPLOY / "Containerfile").read_text(encoding="utf-8").splitlines()
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    assert copied
    assert [word for word in copied if not (PROJECT / word).exists()] == []
    packages = re.search(r"packages = \[(.*?)\]", (PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert packages is not None
    assert set(json.loads(f"[{packages[1]}]")) <= set(copied)
    assert 'ENTRYPOINT ["liandong"]' in lines
    command = json.loads(next(line for line in lines if line.startswith("CMD ")).removeprefix("CMD "))
    assert command[0] in typer.main.get_command(app).commands  # type: ignore[attr-defined]
