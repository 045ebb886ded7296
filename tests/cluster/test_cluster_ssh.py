"""A cluster that the build makes by ssh, with real servers, on machines of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.conftest import BUCKET, Cluster
from cluster.machines import Machine, wait_for

pytestmark = pytest.mark.system

HOSTS = ("scheduler", "worker1", "worker2")
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
def hosts(cluster: Cluster) -> list[str]:
    """The addresses of machines that let the client in, and nobody else."""
    pytest.importorskip("asyncssh", reason="needs the extra `ssh`")
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if sshd is None or shutil.which("ssh-keygen") is None:
        pytest.skip("needs OpenSSH's server")
    folder = cluster.client.disk / ".ssh"
    folder.mkdir(mode=0o700)
    mine = make_key(folder / "id_ed25519")
    known = []
    for name in HOSTS:
        machine = cluster.machines[name]
        (machine.disk / "authorized").write_text(mine + "\n")
        known.append(f"{machine.address} {serve(machine, sshd)}\n")
    (folder / "known_hosts").write_text("".join(known))
    return [cluster.machines[name].address for name in HOSTS]


def command(cluster: Cluster, root: str, hosts: list[str]) -> list[str]:
    ours = cluster.on_cluster(root, *cluster.archive(), "--until=links")
    ours[ours.index(f"runner.dask.scheduler={cluster.scheduler}")] = 'runner.dask.cluster="ssh"'
    return [
        *ours,
        "--set", f"runner.dask.ssh.hosts={hosts}".replace("'", '"'),
        "--set", f"runner.dask.ssh.python={sys.executable}",
        "--set", "runner.dask.ssh.interface=eth0",  # these machines have no default route
        "--set", "runner.dask.start_timeout=1200",
    ]  # fmt: skip


def test_a_build_makes_its_cluster_by_ssh_and_ends_it(cluster: Cluster, hosts: list[str]) -> None:
    code, said = cluster.client.run(*command(cluster, f"{BUCKET}/ssh", hosts))
    assert code == 0 and "links: done" in said, said
    for name in HOSTS:
        machine = cluster.machines[name]
        wait_for(lambda m=machine: not m.processes("dask_spec"))


def test_a_host_that_does_not_let_us_in_is_an_error(cluster: Cluster, hosts: list[str]) -> None:
    for name in HOSTS:
        (cluster.machines[name].disk / "authorized").write_text("")
    code, said = cluster.client.run(*command(cluster, f"{BUCKET}/ssh-no", hosts))
    assert code == 1 and "Traceback" not in said, said
    assert "webtext: The ssh cluster did not start" in said and "Permission denied" in said
