"""A cluster that the build makes by ssh, with real servers, on machines of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.machines import Machine, wait_for
from cluster.site import BUCKET, Site

pytestmark = pytest.mark.system

HOSTS = ("head", "worker1", "worker2")
#: sshd wants a folder of its own, which Debian makes when the machine starts.
_SERVE = 'mkdir -p /run/sshd && exec "$0" "$@"'


def make_key(path: Path) -> str:
    """Makes a throw-away key pair; its public half."""
    keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(keygen, check=True)
    return path.with_suffix(".pub").read_text().strip()


def serve(machine: Machine, sshd: str) -> str:
    """Starts the server of a machine; its host key."""
    public = make_key(machine.disk / "host")
    store = " ".join(f"{name}={value}" for name, value in machine.environment.items())
    options = [
        "HostKey=/tmp/host", "AuthorizedKeysFile=/tmp/authorized", "StrictModes=no",
        "UsePAM=no", "PidFile=none", f"SetEnv={store}",
    ]  # fmt: skip
    flags = [word for option in options for word in ("-o", option)]
    log = machine.log("sshd", "sh", "-c", _SERVE, sshd, "-D", "-e", "-f", "/dev/null", *flags)
    wait_for(lambda: "Server listening" in log.read_text())
    return public


@pytest.fixture(scope="module")
def hosts(site: Site) -> list[str]:
    """The addresses of machines that let the client in, and nobody else."""
    pytest.importorskip("asyncssh", reason="needs the extra `ssh`")
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if sshd is None or shutil.which("ssh-keygen") is None:
        pytest.skip("needs OpenSSH's server")
    folder = site.client.disk / ".ssh"
    folder.mkdir(mode=0o700)
    mine = make_key(folder / "id_ed25519")
    known = []
    for name in HOSTS:
        machine = site.machines[name]
        (machine.disk / "authorized").write_text(mine + "\n")
        known.append(f"{machine.address} {serve(machine, sshd)}\n")
    (folder / "known_hosts").write_text("".join(known))
    return [site.machines[name].address for name in HOSTS]


def command(site: Site, root: str, hosts: list[str]) -> list[str]:
    return [
        *site.build(root, "dask", *site.archive(), "--until=links"),
        "--set", 'runner.dask.cluster="ssh"',
        "--set", f"runner.dask.ssh.hosts={hosts}".replace("'", '"'),
        "--set", f"runner.dask.ssh.python={sys.executable}",
        "--set", "runner.dask.ssh.interface=eth0",  # these machines have no default route
        "--set", "runner.dask.start_timeout=1200",
    ]  # fmt: skip


def test_a_build_makes_its_cluster_by_ssh_and_ends_it(site: Site, hosts: list[str]) -> None:
    code, said = site.client.run(*command(site, f"{BUCKET}/ssh", hosts))
    assert code == 0 and "links: done" in said, said
    for name in HOSTS:
        machine = site.machines[name]
        wait_for(lambda m=machine: not m.processes("dask_spec"))


def test_a_host_that_does_not_let_us_in_is_an_error(site: Site, hosts: list[str]) -> None:
    for name in HOSTS:
        (site.machines[name].disk / "authorized").write_text("")
    code, said = site.client.run(*command(site, f"{BUCKET}/ssh-no", hosts))
    assert code == 1 and "Traceback" not in said, said
    assert "webtext: The ssh cluster did not start" in said and "Permission denied" in said
