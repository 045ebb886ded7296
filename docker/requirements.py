"""Prints what this project is built with and depends on, with extras: `requirements.py api,cloud`.

An image installs it before the code is copied in, so that a change of the code installs
nothing again.
"""

import sys
import tomllib

if __name__ == "__main__":
    with open("pyproject.toml", "rb") as stream:
        read = tomllib.load(stream)
    project, build = read["project"], read["build-system"]["requires"]
    extras = [name for name in sys.argv[1].split(",") if name]
    unknown = set(extras) - set(project["optional-dependencies"])
    if unknown:
        sys.exit(f"No such extra: {', '.join(sorted(unknown))}")
    chosen = [project["optional-dependencies"][name] for name in extras]
    sys.stdout.writelines(f"{line}\n" for line in sum(chosen, build + project["dependencies"]))
