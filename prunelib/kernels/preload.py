"""Imported once by the process that workers are forked from: what a run imports late.

Numba's loops, if they are there, and what PyTorch's optimisers import with their first parameter.
"""

import torch

from prunelib.kernels.norm_relu import numba_loops

numba_loops()
torch.optim.SGD([torch.zeros(1)], lr=0.1)
