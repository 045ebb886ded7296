"""Errors in one line: what failed, where, and what to do about it."""

from __future__ import annotations

import re
from importlib import metadata

import typer

from pipeline.store.errors import SettingError, WebtextError, system_error

#: Packages whose errors are of an object store.
_STORES = ("botocore", "aiobotocore", "s3fs", "gcsfs", "google", "azure", "adlfs", "aiohttp")


def explain(error: BaseException) -> tuple[str, int]:
    """The line for people, and the exit code."""
    line, code = _explain(error)
    return " ".join(line.split()), code


def _explain(error: BaseException) -> tuple[str, int]:
    if isinstance(error, WebtextError):
        return str(error), error.exit_code
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        return _wrong_call(error), SettingError.exit_code
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return "Stopped. Run the same command again: it goes on from here", 1
    return _of_the_machine(error) or _bug(error), 1


def _of_the_machine(error: BaseException) -> str | None:
    """What the system or the installation lacks; None for anything else."""
    if isinstance(error, ModuleNotFoundError) and (extra := _extra_of(error.name or "")):
        needs = f"This needs the package {error.name}, which is not installed"
        return f"{needs}. pip install 'webtext[{extra}]'"
    if isinstance(error, MemoryError):
        return "Out of memory. Use fewer workers, or a machine with more"
    if isinstance(error, OSError) and (ours := system_error(error)):
        return str(ours)
    if type(error).__module__.partition(".")[0] in _STORES:
        what = f"The object store cannot be used: {error}"
        return f"{what}. Check the address, the credentials and what they may do"
    return None


def _bug(error: BaseException) -> str:
    message = f"{type(error).__name__}: {error}"
    return f"{message}. This is a bug: please report it with what `webtext --debug …` shows"


def _wrong_call(error: BaseException) -> str:
    """What is wrong with the arguments, by the parser's own words, and where help is.

    Empty where it has shown the help by itself.
    """
    message: str = error.format_message()  # type: ignore[attr-defined]
    if not message:
        return ""
    message = message.replace("Input should be", "must be").replace("Value error, ", "")
    message = message.partition(", unable to parse")[0]
    if not message.endswith("?"):
        message = f"{message.rstrip('.')}."
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "webtext"
    option = re.match(r"No such option: (--debug|--result|--version)\b", message)
    if option and context and context.parent:
        rest = path.removeprefix("webtext ")
        return f"{message} It stands before the subcommand: webtext {option[1]} … {rest} …"
    return f"{message} `{path} --help` says what it takes"


def _extra_of(package: str) -> str | None:
    """The extra of this distribution that brings a package; None where there is none."""
    name = re.escape(package.split(".", maxsplit=1)[0].replace("_", "-"))
    for line in metadata.requires("webtext") or []:
        match = re.match(rf"{name}\b[^;]*;\s*extra\s*==\s*[\"']([\w-]+)[\"']", line)
        if match and match[1] != "dev":
            return match[1]
    return None
