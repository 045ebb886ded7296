"""What `docker/` holds, as its tools read it: Dockerfiles, compose.yaml, Kubernetes manifests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from commands import check_webtext
from support import PROJECT

from pipeline import __version__

DOCKER = PROJECT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
COMPOSE = DOCKER / "compose.yaml"
MANIFESTS = sorted(DOCKER.glob("kubernetes/*.yaml"))
#: The images that the Dockerfiles make: {name with tag: Dockerfile}.
IMAGES = {f"webtext-{path.stem}:{__version__}": path for path in DOCKERFILES}

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<how>:-|:\?)(?P<text>[^}]*))?\}")


def instructions(path: Path) -> list[tuple[str, str]]:
    """(instruction, arguments) of a Dockerfile, lines joined and comments taken out."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        (word, rest)
        for word, _, rest in (line.partition(" ") for line in joined.split("\n"))
        if word
    ]


def last(path: Path, name: str) -> str:
    """The arguments of the last instruction of that name."""
    return [rest for word, rest in instructions(path) if word == name][-1]


def exposed(image: str) -> set[int]:
    """The ports of one of this project's images, with those of the image that it begins with."""
    path = IMAGES[image]
    ports = {int(p) for word, rest in instructions(path) if word == "EXPOSE" for p in rest.split()}
    worker = f"webtext-worker:{__version__}"
    return ports if image == worker else ports | exposed(worker)


def environment() -> dict[str, str]:
    """`docker/example.env`, filled in as a user would."""
    lines = (DOCKER / "example.env").read_text().splitlines()
    pairs = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: value or f"some-{name.lower()}" for name, value in pairs.items()}


def interpolated(text: str, variables: dict[str, str]) -> str:
    """Compose's interpolation.  KeyError for a variable that must be set and is not."""

    def value(found: re.Match[str]) -> str:
        name = found["name"]
        if variables.get(name):
            return variables[name]
        if found["how"] == ":-":
            return found["text"]
        raise KeyError(f"{name} {found['text']}")

    return _VARIABLE.sub(value, text)


def compose() -> dict[str, Any]:
    """compose.yaml as Compose sees it."""
    read: dict[str, Any] = yaml.safe_load(interpolated(COMPOSE.read_text(), environment()))
    return read


def manifests(kind: str = "") -> list[dict[str, Any]]:
    """All Kubernetes documents, or those of one kind."""
    found = [document for path in MANIFESTS for document in yaml.safe_load_all(path.read_text())]
    return [document for document in found if kind in ("", document["kind"])]


def pod_specs(place: Any) -> Iterator[dict[str, Any]]:
    """Each pod's specification that a document holds, wherever it lies."""
    if isinstance(place, list):
        for inner in place:
            yield from pod_specs(inner)
    elif isinstance(place, dict):
        if "containers" in place:
            yield place
        for inner in place.values():
            yield from pod_specs(inner)


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that run beside each other and those before."""
    found: list[dict[str, Any]] = pod.get("initContainers", []) + pod["containers"]
    return found


def exec_form(text: str) -> list[str]:
    """The words of a CMD, ENTRYPOINT or `HEALTHCHECK … CMD` in exec form."""
    words: list[str] = json.loads(text[text.index("[") :])
    return words


def check_command(words: list[str]) -> None:
    """Raises AssertionError for a command of the worker's image that its programs do not take."""
    from click import UsageError
    from distributed.cli import dask_scheduler, dask_worker

    program = words[0].rsplit("/", 1)[-1]
    if program == "webtext":
        check_webtext(words[1:])
    elif program == "dask":
        main = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}[words[1]]
        try:
            main.make_context("dask", words[2:])
        except UsageError as error:
            raise AssertionError(f"{words}: {error}") from None
    elif program == "python":
        assert (DOCKER / Path(words[1]).name).is_file(), words
    elif program.endswith(".sh"):
        assert (DOCKER / program).is_file(), words
    else:
        # Beam's container contract: apache_beam/sdks/python/container/boot.go.
        assert words == ["--worker_pool"], words
