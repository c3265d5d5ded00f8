"""What of the user's environment would change results, and what would slow a study down."""

import os
from collections.abc import Mapping

CHANGES_RESULTS = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_ENABLE_INSTRUCTIONS",
    "NUMBA_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "NUMBA_DISABLE_JIT",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
"""Variables by which PyTorch, its libraries and Numba compute in another way."""


def result_settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those variables that are set and may change the last bits of a result, with their values.

    >>> result_settings({"MKL_CBWR": "AVX2", "HOME": "/home/me"})
    {'MKL_CBWR': 'AVX2'}
    """
    return {name: environment[name] for name in CHANGES_RESULTS if environment.get(name)}


def unbind_threads() -> None:
    """Let OpenMP bind no thread to a core; to be called before PyTorch is imported.

    Bound, the workers of a study would all share one core.
    """
    os.environ["OMP_PROC_BIND"] = "false"
    for name in ("OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"):
        os.environ.pop(name, None)
