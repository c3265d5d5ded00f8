"""A Ray cluster of two one-CPU nodes on this machine: prints its address, ends with its stdin.

Its files are in the folder that HOME names, a short path: it holds sockets.
"""

import os
import sys

# Read when Ray is imported. It stays on loopback, tells nobody, and soon notices a killed node.
os.environ |= {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TMPDIR": os.environ["HOME"],
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 200 * 2**20}

if __name__ == "__main__":
    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    cluster.add_node(**NODE)
    cluster.wait_for_nodes(60)
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()
