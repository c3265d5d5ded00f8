"""Imported once by the process that workers are forked from: Numba's loops, if they are there."""

from prunelib.kernels.norm_relu import numba_loops

numba_loops()
