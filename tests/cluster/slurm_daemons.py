"""A SLURM of its own on this machine, for tests: two partitions, no root, nothing outside its folder.

    python tests/cluster/slurm_daemons.py FOLDER    # until Ctrl-C; then . FOLDER/env.sh elsewhere

Partition ``cpu`` has the nodes c1 and c2, ``gpu`` has g1 with two made-up GPUs. Each node is a slurmd on
this host. Debian: ``tests/cluster/install_slurm.sh`` installs what is needed. Made for SLURM 22.05 as
Debian 12 has it, whose slurmd may be started several times on one host.
"""

import contextlib
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

NODES = ("c1", "c2", "g1")
CPUS, MEMORY_MB = 2, 16_000  # that each node says it has; this machine need not
_NEEDED = (
    "munged",
    "munge",
    "slurmctld",
    "slurmd",
    "sbatch",
    "srun",
    "squeue",
    "scancel",
    "scontrol",
)
_CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr")
_START_S = 60.0

_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
EnforcePartLimits=ALL
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MinJobAge=3600
SlurmctldTimeout=30
SlurmdTimeout=10
InactiveLimit=0
KillWait=3
KillOnBadExit=1
MessageTimeout=15
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=5,batch_sched_delay=0,sched_min_interval=0
PartitionName=cpu Nodes=c1,c2 Default=YES MaxTime=INFINITE DefaultTime=60 State=UP
PartitionName=gpu Nodes=g1 MaxTime=INFINITE DefaultTime=60 State=UP
"""


def missing() -> str | None:
    """Return why no cluster can be started here, or None."""
    lacking = [name for name in _NEEDED if _found(name) is None]
    if lacking:
        return f"{', '.join(lacking)} not installed; on Debian: tests/cluster/install_slurm.sh"
    return None


def _found(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


class Cluster:
    """Daemons of SLURM in a folder; `environment` is what its clients need."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self._processes: dict[str, subprocess.Popen] = {}
        self._ports = dict(zip(("slurmctld", *NODES), _free_ports(1 + len(NODES)), strict=True))
        self.environment = {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        }

    def start(self) -> None:
        """Start the daemons, and wait until all nodes are idle."""
        self._write()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        self._begin(
            "munged", "--foreground", "--force", f"--key-file={key}",
            f"--socket={self.folder}/munge.sock", f"--pid-file={self.folder}/munged.pid",
            f"--seed-file={self.folder}/munge.seed", f"--log-file={self.folder}/munged.log",
        )  # fmt: skip
        self.wait_for(lambda: (self.folder / "munge.sock").exists(), "munged")
        self.start_scheduler(is_new=True)
        for node in NODES:
            self.start_node(node)
        self.wait_for(lambda: self.states() == dict.fromkeys(NODES, "idle"), "all nodes idle", 180)

    def _write(self) -> None:
        for name in ("state", "bin", "dev", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        host = platform.node().split(".")[0]
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True)
        text = _CONF.format(
            host=host, port=self._ports["slurmctld"], user=user.stdout.strip(), folder=self.folder
        )
        for node in NODES:
            gpus = " Gres=gpu:2" if node.startswith("g") else ""
            text += (
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={self._ports[node]} "
                f"CPUs={CPUS} RealMemory={MEMORY_MB}{gpus} State=UNKNOWN\n"
            )
        (self.folder / "slurm.conf").write_text(text)
        lines = []
        for number in range(2):
            # a GPU has to be a character device; the digits at its end become its number for CUDA
            device = self.folder / f"dev/gpu{number}"
            device.unlink(missing_ok=True)
            device.symlink_to("/dev/null")
            lines.append(f"NodeName=g1 Name=gpu File={device}\n")
        (self.folder / "gres.conf").write_text("".join(lines))
        # the plugin takes SLURM_CONF from the environment of its steps: clients that put it back
        for name in _CLIENTS:
            if real := _found(name):
                client = self.folder / "bin" / name
                conf = self.environment["SLURM_CONF"]
                client.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {real} "$@"\n')
                client.chmod(0o755)
        lines = [f"export SLURM_CONF={self.environment['SLURM_CONF']}"]
        lines.append(f"export PATH={self.folder / 'bin'}:$PATH")
        (self.folder / "env.sh").write_text("\n".join([*lines, ""]))

    def _begin(self, name: str, *arguments: str, node: str | None = None) -> None:
        with open(self.folder / f"{node or name}.out", "ab") as output:
            # a session of its own: Ctrl-C is for the run that uses the cluster
            self._processes[node or name] = subprocess.Popen(
                [str(_found(name)), *arguments], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True, env=os.environ | self.environment,
            )  # fmt: skip

    def start_scheduler(self, is_new: bool = False) -> None:
        """Start slurmctld: with the jobs that it knew, or none."""
        forgets = ["-c"] if is_new else []
        self._begin("slurmctld", "-D", *forgets, "-f", self.environment["SLURM_CONF"])

    def stop_scheduler(self) -> None:
        """End slurmctld, as for an upgrade; jobs live on."""
        self._processes["slurmctld"].terminate()
        self._processes["slurmctld"].wait()

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node; a lost node is idle again after a while."""
        conf = self.environment["SLURM_CONF"]
        self._begin("slurmd", "-D", "-N", node, "-f", conf, node=node)

    def repair(self) -> None:
        """Start again what a test has ended, and wait until all nodes are idle."""
        if self._processes["slurmctld"].poll() is not None:
            self.start_scheduler()
        for node in NODES:
            if self._processes[node].poll() is not None:
                self.start_node(node)
        self.wait_for(lambda: self.states() == dict.fromkeys(NODES, "idle"), "all nodes idle", 180)

    def kill_slurmd(self, node: str) -> None:
        """Kill the slurmd of a node; the jobs on it live on."""
        self._processes[node].kill()
        self._processes[node].wait()

    def lose_node(self, node: str) -> None:
        """Kill all that runs on a node at once, as a power cut does."""
        jobs = self._jobs_on(node)
        parents = {_parent(process) for process in jobs}
        steps = {p for p in parents if _name(p) == "slurmstepd"}
        # slurmd first, and its step daemons before the jobs: what lives would report the loss
        self.kill_slurmd(node)
        for process in [*steps, *jobs, *self._jobs_on(node)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _jobs_on(self, node: str) -> list[int]:
        wanted = {f"SLURM_CONF={self.environment['SLURM_CONF']}", f"SLURMD_NODENAME={node}"}
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if wanted <= set(path.read_bytes().decode("utf-8", "replace").split("\0")):
                    found.append(int(path.parent.name))
        return found

    def said(self, *command: str) -> str:
        """Return what a client prints."""
        done = subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    def states(self) -> dict[str, str]:
        """Return the state of each node that answers, as sinfo says it: ``idle``, ``mix``, ``down*``."""
        lines = self.said("sinfo", "-h", "-N", "-o", "%N %t").splitlines()
        return dict(line.split() for line in lines)

    def jobs(self) -> list[tuple[str, str, str, str]]:
        """Return number, state, node and comment of all jobs so far."""
        text = self.said("squeue", "-h", "--states=all", "-o", "%i|%T|%N|%k")
        return sorted(
            (tuple(line.split("|", 3)) for line in text.splitlines()), key=lambda job: int(job[0])
        )

    def wait_for(self, is_met, what: str, seconds: float = _START_S) -> None:
        """Wait until something is so; a sentence where it is not in time."""
        until = time.monotonic() + seconds
        while not is_met():
            if time.monotonic() > until:
                raise TimeoutError(f"not within {seconds:.0f} s: {what} (logs in {self.folder})")
            time.sleep(0.1)

    def stop(self) -> None:
        """Cancel all jobs, and end the daemons that this object has started."""
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            self.said("scancel", "--user", str(os.getuid()))
            self.wait_for(lambda: not self.said("squeue", "-h"), "no job", 20)
        for process in reversed(self._processes.values()):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for node in NODES:
            for process in self._jobs_on(node):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def _parent(process: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _name(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text().strip()
    return ""


def _free_ports(n: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Yield a cluster that is up, and end it afterwards."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


if __name__ == "__main__":
    if reason := missing():
        sys.exit(f"no SLURM here: {reason}")
    with running_cluster(Path(sys.argv[1])) as up:
        print(f"up: . {up.folder}/env.sh", flush=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
