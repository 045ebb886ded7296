"""compose.yaml: valid by the Compose specification; its commands, ports and recipes are real."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from deployment import (
    COMPOSE,
    DOCKER,
    IMAGES,
    check_command,
    compose,
    environment,
    exposed,
    interpolated,
)
from support import PROJECT

from pipeline.build.recipe import Recipe
from pipeline.engine.runners.beam_flink import BeamFlinkSettings
from pipeline.engine.runners.profiles import RunnerSettings

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
RECIPES = sorted(DOCKER.glob("recipes/*.toml"))
OURS = {name for name, service in SERVICES.items() if service["image"] in IMAGES}


def recipe(path: Path) -> Recipe:
    values = tomllib.loads(path.read_text())
    values["corpus"].setdefault("interval", "2024-01")
    return Recipe.checked(values, path.name)


def test_it_is_valid_by_the_specification() -> None:
    specification = pytest.importorskip("compose_spec", reason="pip install compose-spec")
    text = interpolated(COMPOSE.read_text(), environment())
    read = specification.PyOptions(apply_merge=True).from_yaml(text)
    read.validate()
    assert set(read.service_names()) == set(SERVICES)


def test_a_secret_that_is_not_set_is_named() -> None:
    with pytest.raises(KeyError, match=r"WEBTEXT_S3_\w+ is not set - see docker/example.env"):
        interpolated(COMPOSE.read_text(), {})
    assert (DOCKER / "example.env").is_file()
    assert "docker/.env" in (PROJECT / ".gitignore").read_text().splitlines()


def test_every_variable_is_in_the_example() -> None:
    assert set(re.findall(r"\$\{(\w+)", COMPOSE.read_text())) == set(environment())


def test_there_are_dask_airflow_an_object_store_and_flink() -> None:
    default = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert default == {"object-store", "scheduler", "worker", "airflow"}
    flink = {name for name, service in SERVICES.items() if service.get("profiles") == ["flink"]}
    assert flink == {"flink-jobmanager", "flink-taskmanager", "flink-harness", "flink-jobs"}
    assert not {"privileged", "pid", "ipc"} & {key for s in SERVICES.values() for key in s}


@pytest.mark.parametrize("name", SERVICES)
def test_the_service_is_pinned_and_reachable_from_this_host_alone(name: str) -> None:
    service = SERVICES[name]
    # No digest of Flink's images was to be had, nor of Beam's.
    by_tag = service["image"] in IMAGES or service["image"].startswith(("flink:", "apache/beam_"))
    assert re.search(r":v?\d+\.\d+" if by_tag else r"@sha256:[0-9a-f]{64}$", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    for other in service.get("depends_on", {}):
        checked = SERVICES[other].get("healthcheck") or SERVICES[other]["image"] in IMAGES
        assert checked, f"{name} waits for {other}, which has no health check"


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_our_service_runs_exists(name: str) -> None:
    service = SERVICES[name]
    dockerfile = IMAGES[service["image"]]
    assert (COMPOSE.parent / service["build"]["context"]).resolve() == PROJECT
    assert PROJECT / service["build"]["dockerfile"] == dockerfile
    assert service["user"] == "10001:10001" and service["cap_drop"] == ["ALL"]
    assert service["read_only"] and "/tmp" in service["volumes"]
    if "command" in service:
        words = service.get("entrypoint", []) + service["command"]
        check_command(words)
    for word in re.findall(r":(\d+)", " ".join(service.get("ports", []))):
        assert int(word) in exposed(service["image"])


@pytest.mark.parametrize("name", sorted(OURS - {"webtext"}))
def test_its_health_check_asks_for_a_port_that_is_served(name: str) -> None:
    service = SERVICES[name]
    check = service.get("healthcheck", {}).get("test")
    if check is None:
        return  # the image's own, tested with the image
    assert check[0] == "CMD"
    check_command(check[1:])
    port = re.search(r"127\.0\.0\.1:(\d+)", check[-1])
    assert port and int(port[1]) in exposed(service["image"])
    assert f":{port[1]}" in service["command"] or service["command"] == ["--worker_pool"]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_recipes_are_valid_and_name_services(path: Path) -> None:
    """Hosts and ports of the runner are those of services; the object store is the root."""
    runner: RunnerSettings = recipe(path).runner
    place = (
        runner.of(BeamFlinkSettings).job_endpoint
        if runner.name == "beam-flink"
        else runner.dask.scheduler
    )
    host, port = place.removeprefix("tcp://").split(":")
    assert host in SERVICES
    words = " ".join(SERVICES[host]["command"] + SERVICES[host]["healthcheck"]["test"])
    assert port in words
    assert recipe(path).corpus.root.startswith("s3://")
    if runner.name == "beam-flink":
        harness = SERVICES["flink-harness"]
        assert harness["network_mode"] == "service:flink-taskmanager"
        assert (
            runner.of(BeamFlinkSettings).environment_config.split(":")[1]
            in harness["healthcheck"]["test"][-1]
        )


def test_airflow_gets_a_recipe_that_is_mounted() -> None:
    service = SERVICES["airflow"]
    assert "./recipes:/recipes:ro" in service["volumes"]
    name = Path(service["environment"]["WEBTEXT_RECIPE"]).name
    assert (DOCKER / "recipes" / name).is_file()
    read = (PROJECT / "dags" / "webtext_deployment.py").read_text()
    for variable in service["environment"]:
        assert not variable.startswith("WEBTEXT_") or f'"{variable}"' in read


def test_the_job_server_is_of_the_same_beam_and_flink() -> None:
    version = BeamFlinkSettings().version
    assert SERVICES["flink-jobs"]["image"].startswith(f"apache/beam_flink{version}_job_server:")
    for name in ("flink-jobmanager", "flink-taskmanager"):
        assert SERVICES[name]["image"].startswith(f"flink:{version}.")
    beam = re.search(r"^apache-beam==(\S+)$", (PROJECT / "constraints.txt").read_text(), re.M)
    assert beam and SERVICES["flink-jobs"]["image"].endswith(f":{beam[1]}")


def test_commands_in_the_docs_are_those_of_this_file() -> None:
    """Services, files and `webtext` options that docs/images.md shows with `docker`."""
    text = (PROJECT / "docs" / "images.md").read_text().replace("\\\n", " ")
    lines = [line[2:] for line in text.splitlines() if line.startswith("$ docker ")]
    assert len(lines) > 6
    for line in lines:
        words = shlex.split(line.split("  #")[0])
        for word in words:
            assert not word.startswith("docker/") or (PROJECT / word).is_file(), word
        if "run" in words[:6] and "compose" in words:
            service, *arguments = words[words.index("--rm") + 1 :]
            check_command([*SERVICES[service]["entrypoint"], *arguments])
        elif words[1] == "run":
            image = next(word for word in words if word in IMAGES)
            check_command(words[words.index(image) + 1 :])
        elif words[1] == "build":
            assert words[words.index("-t") + 1] in IMAGES
