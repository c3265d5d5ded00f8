"""A Ray cluster of two one-CPU nodes on this machine, for tests and benchmarks."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NODE = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 200 * 2**20}


class Nodes(NamedTuple):
    """Where the cluster is, the process that ends it, and the environment that drivers need."""

    address: str
    process: subprocess.Popen
    environment: dict[str, str]


def environment(home: Path) -> dict[str, str]:
    """Ray stays on loopback, writes nothing elsewhere and tells nobody."""
    return {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | {
        "HOME": str(home),
        "RAY_TMPDIR": str(home),
        "TMPDIR": str(home),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


@contextlib.contextmanager
def two_nodes(hidden: str | None = None) -> Iterator[Nodes]:
    """Start a cluster, and end it with all its processes.

    Args:
        hidden: a module that cannot be imported on its nodes.
    """
    # Not a folder of pytest's: paths of sockets must be short.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        given = environment(home)
        path = [p for p in (os.environ.get("PYTHONPATH"),) if p]
        if hidden:
            (home / "hiding").mkdir()
            (home / f"hiding/{hidden}.py").write_text("raise ImportError", encoding="utf-8")
            path.insert(0, str(home / "hiding"))
        with (home / "log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, __file__],
                env=given | {"PYTHONPATH": os.pathsep.join(path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        address = process.stdout.readline().strip()
        assert address, (home / "log").read_text(encoding="utf-8")
        try:
            yield Nodes(address, process, given)
        finally:
            process.communicate(timeout=60)


def serve() -> None:
    """Be the cluster until stdin ends."""
    # A killed node is noticed in seconds.
    os.environ |= {
        "RAY_health_check_initial_delay_ms": "0",
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_timeout_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
    }
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    cluster.add_node(**NODE)
    cluster.wait_for_nodes(60)
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    serve()
