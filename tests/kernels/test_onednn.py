"""Gradients that oneDNN gets wrong on AVX2: as a processor without AVX-512 computes them."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from prunelib.kernels.onednn import sound_gradients
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet

AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
CODE = """
import sys
import torch
from torch import nn
from prunelib.kernels.onednn import sound_gradients
from prunelib.training.machine import Machine
from prunelib.training.updates import sgd, sgd_step

torch.set_num_threads(int(sys.argv[2]))
machine = Machine("cpu", "float32", 1)
for _ in range(10):
    model = nn.Sequential(nn.Conv2d(int(sys.argv[1]), 16, 1, 2, bias=False), nn.Flatten())
    model = machine.place(model)
    optimizer = sgd(model, 0.0, 0.0, 0.0)
    x = torch.randn(32, int(sys.argv[1]), 16, 16).contiguous(memory_format=torch.channels_last)
    squares = lambda logits, x, y: logits.square().sum()
    sgd_step(model, optimizer, x, torch.zeros(32), machine, loss_of=squares)
    y = model(x).detach().view(32, 16, 8, 8)
    exact = torch.einsum("nchw,nohw->oc", x[:, :, ::2, ::2].double(), 2 * y.double())
    found = model[0].weight.grad[:, :, 0, 0].double()
    torch.testing.assert_close(found, exact, rtol=1e-3, atol=0.1)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "threads"), [(6, 1), (6, 2), (7, 1), (8, 1)])
def test_narrow_strided_projections_have_their_gradients_on_avx2(channels, threads):
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(channels), str(threads)],
        env=os.environ | AVX2,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("module", "enabled"),
    [
        (nn.Conv2d(7, 8, 1, 2), False),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(4, 8, 1, (1, 2))), False),
        (nn.Conv2d(8, 8, 1, 2), True),
        (nn.Conv2d(3, 8, 3, 2), True),
        (nn.Conv2d(3, 8, 1), True),
        (WideResNet(ChannelProfile.full(10, 0.25)), True),
    ],
)
def test_only_networks_with_such_a_projection_do_without(module, enabled):
    before = torch.backends.mkldnn.enabled
    with sound_gradients(module):
        assert torch.backends.mkldnn.enabled == (enabled and before)
    assert torch.backends.mkldnn.enabled == before
