"""The Hugging Face Hub: where a folder of ours goes to be shared.

The ways of `huggingface_hub` hold: the token is that of `hf auth login` or `HF_TOKEN` (it is never
an argument of ours, and never printed), `HF_ENDPOINT` names another hub.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from httpx2 import HTTPError
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError

SCHEME = "hf://"
_ADDRESS = re.compile(r"hf://(datasets/)?([\w.-]{1,96}/[\w.-]{1,96})/?")
_FORMS = {"dataset": "hf://datasets/USER/NAME", "model": "hf://USER/NAME"}
_REMEDY = "Check the name, log in by `hf auth login` with a token that may write, and push again"
#: The hub's pages begin with it (endpoint and type of repository).
_PLACES = {"dataset": "datasets/", "model": ""}


@dataclass(frozen=True)
class HubAddress:
    """A repository of the hub."""

    kind: Literal["dataset", "model"]
    name: str
    """`USER/NAME`, or that of an organization."""


@dataclass(frozen=True)
class Pushed:
    """What was sent to a repository, or is to be sent."""

    address: str
    """Where people find it."""
    files: list[str]
    """All that it holds of ours, by name in the repository."""
    bytes: int
    removed: list[str]
    """Files of an earlier push that are not there any more."""
    created: bool
    """Whether there was no such repository."""
    dry_run: bool
    """Whether nothing was sent, and this is what would be."""


def hub_address(address: str, kind: Literal["dataset", "model"]) -> HubAddress:
    """Reads `hf://datasets/USER/NAME` or, of a model, `hf://USER/NAME`.

    Raises SettingError for anything else.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or bool(match[1]) != (kind == "dataset"):
        raise SettingError(
            f"{address!r} is no address of a {kind} on the hub", f"It is of the form {_FORMS[kind]}"
        )
    return HubAddress(kind, match[2])


def push(
    address: HubAddress,
    listed: Mapping[str, str],
    folders: Sequence[str],
    message: str,
    *,
    private: bool,
    dry_run: bool,
    say: Callable[[str], None],
) -> Pushed:
    """Makes a repository hold some files, in one commit; with `dry_run` only says what would be.

    `listed` are local files by their names in the repository.  Of what is there already, the rest
    of `folders` is removed and all else stays.  Files that the hub has are not sent again, so a
    push that failed goes on where it was.  Raises WebtextError where the hub refuses, or cannot be
    reached.
    """
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), library_name="webtext")
    try:
        there = _files_of(api, address)
        old = [name for name in there or [] if name.startswith(tuple(folders))]
        gone = sorted(set(old) - set(listed))
        size = sum(map(files.size, listed.values()))
        place = f"{api.endpoint}/{_PLACES[address.kind]}{address.name}"
        pushed = Pushed(place, sorted(listed), size, gone, there is None, dry_run)
        if not dry_run:
            if pushed.created:
                api.create_repo(address.name, repo_type=address.kind, private=private)
                say(f"Created {place} ({'private' if private else 'public'}).")
            added = [CommitOperationAdd(name, listed[name]) for name in pushed.files]
            removed = [CommitOperationDelete(name) for name in gone]
            api.create_commit(
                address.name, [*added, *removed], commit_message=message, repo_type=address.kind
            )
    except (HTTPError, OSError, ValueError) as error:
        what = f"The hub did not take {address.name}: {_reason(error)}"
        raise WebtextError(what, _REMEDY) from None
    return pushed


def describe(pushed: Pushed) -> list[str]:
    """What a push did or would do, in lines."""
    new = "a new repository" if pushed.created else "a repository that is there"
    counted = f"{len(pushed.files):,} files, {pushed.bytes / 1e6:,.1f} MB"
    rest = f", and {len(pushed.removed):,} old files removed" if pushed.removed else ""
    if pushed.dry_run:
        lines = [f"  {name}" for name in pushed.files]
        lines += [f"  {name} (removed)" for name in pushed.removed]
        return [f"Would push to {pushed.address}, {new}: {counted}{rest}", *lines]
    return [f"Pushed to {pushed.address}: {counted}{rest}."]


def local_file(path: str) -> str:
    """A file as the hub's library takes it.  Raises SettingError for one in an object store."""
    if files.is_remote(path):
        raise SettingError(f"{path} is not on this machine", "Copy the folder here, and push that")
    return files.local_path(path)


def _files_of(api: HfApi, address: HubAddress) -> list[str] | None:
    """The files of a repository; None where there is none that we may see."""
    if not api.repo_exists(address.name, repo_type=address.kind):
        return None
    return list(api.list_repo_files(address.name, repo_type=address.kind))


def _reason(error: Exception) -> str:
    """The first line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")
