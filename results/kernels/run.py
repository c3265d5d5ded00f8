"""What `prunelib` does, faster for narrow networks: `python results/kernels/run.py study maxi`.

Takes the words that `prunelib` takes. Needs a processor with AVX512-BF16, and g++. How much faster:
`python benchmarks/few_channels.py`. Records say `kernels: narrow` where these kernels computed;
`tests/kernels/test_narrow.py` holds them to float64.
"""

import narrow

from prunelib.cli.main import run_prunelib

# Above the condition: workers import this file, and are to have the kernels, too.
narrow.install()

if __name__ == "__main__":
    run_prunelib()
