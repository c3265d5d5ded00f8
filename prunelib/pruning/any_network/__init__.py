"""Pruning of any convolutional network, with Torch-Pruning's dependency graph (Fang et al., 2023).

The channels that can go are those that one convolution makes and one layer reads, with batch norm,
activations and depthwise convolutions on the way. They are scored in front of that reader, like
those of a block of a `WideResNet`. Residual streams and concatenations are named and left alone.
"""
