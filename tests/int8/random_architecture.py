"""Networks drawn at random: the operators, shapes and connections that people's models have, in no order they chose."""

import numpy as np

from architectures import attention, gelu, relu6
from inputs import structured


def random_input(seed, count):
    """Inputs of the network of a seed: pictures (four times of five) or signals."""
    random = np.random.default_rng((seed, 1))
    channels = int(random.choice([1, 3, 4]))
    if seed % 5 == 4:
        return structured((1, channels, int(random.integers(200, 800))), count, seed)
    return structured((1, channels, *(int(side) for side in random.integers(40, 112, 2))), count, seed)


def random_architecture(net, x="input"):
    """A stem, four to nine blocks, a tail. `net.random` decides everything."""
    x = activated(net, net.convolution(x, pick(net, 16, 24, 32), pick(net, 3, 5), stride=2))
    for _ in range(net.random.integers(4, 10)):
        x = BLOCKS[net.random.integers(len(BLOCKS))](net, x)
        if positions(net, x) > 1600:
            x = pooled(net, x)
    return TAILS[net.random.integers(len(TAILS))](net, x)


def pick(net, *choices):
    return choices[net.random.integers(len(choices))]


def axes(net, x):
    return len(net.shape(x)) - 2


def positions(net, x):
    return int(np.prod(net.shape(x)[2:]))


def activated(net, x):
    return ACTIVATIONS[net.random.integers(len(ACTIVATIONS))](net, x)


def hard_swish(net, x):
    """x × hard sigmoid(x), as the exporters of MobileNetV3 write it."""
    return net.add("Mul", x, net.add("HardSigmoid", x, alpha=1 / 6, beta=0.5))


ACTIVATIONS = [
    lambda net, x: net.add("Relu", x),
    lambda net, x: net.add("Relu", x),
    relu6,
    hard_swish,
    lambda net, x: net.add("HardSwish", x),
    lambda net, x: net.add("LeakyRelu", x, alpha=0.1),
    lambda net, x: net.add("Mul", x, net.add("Sigmoid", x)),
    lambda net, x: net.add("Tanh", x),
    gelu,
]


def uneven(net, x):
    """Convolution with pads that differ on every side."""
    pads = [int(pad) for pad in net.random.integers(0, 3, 2 * axes(net, x))]
    kernel = min(pick(net, 2, 3, 4), *net.shape(x)[2:])
    return activated(net, net.convolution(x, wider(net, x), kernel, stride=pick(net, 1, 2), pads=pads))


def wider(net, x):
    return min(160, net.shape(x)[1] + 8 * int(net.random.integers(0, 4)))


def grouped(net, x):
    width = net.shape(x)[1]
    groups = pick(net, *[count for count in (2, 4, 8) if width % count == 0] or [1])
    return activated(net, net.convolution(x, 2 * width if width < 80 else width, 3, groups=groups))


def dilated(net, x):
    return activated(net, net.convolution(x, wider(net, x), 3, dilation=2))


def separable(net, x):
    width = net.shape(x)[1]
    deep = activated(net, net.convolution(x, width, pick(net, 3, 5), stride=pick(net, 1, 1, 2), groups=width))
    return activated(net, net.convolution(deep, wider(net, x), 1))


def residual(net, x):
    width = net.shape(x)[1]
    inner = activated(net, net.convolution(x, width, 3))
    return activated(net, net.add("Add", x, net.convolution(inner, width, 1)))


def excited(net, x):
    """Squeeze and excitation."""
    width = net.shape(x)[1]
    squeezed = net.add("Relu", net.convolution(net.add("GlobalAveragePool", x), max(4, width // 4), 1))
    gate = net.add("Sigmoid", net.convolution(squeezed, width, 1))
    return net.add("Mul", x, gate)


def branched(net, x):
    """Three branches side by side."""
    pool = net.add("AveragePool", x, kernel_shape=[3] * axes(net, x), pads=[1] * 2 * axes(net, x), strides=[1] * axes(net, x))
    branches = [net.convolution(x, 16, 1), activated(net, net.convolution(x, 16, 3)), net.convolution(pool, 8, 1)]
    return net.add("Concat", *branches, axis=1)


def shuffled(net, x):
    """Half of the channels convolved, then the halves interleaved."""
    batch, width, *space = net.shape(x)
    if width % 2:
        return residual(net, x)
    sizes = net.constant(np.array([width // 2, width // 2]))
    kept, changed = net.add("Split", x, sizes, outputs=2, axis=1)
    joined = net.add("Concat", kept, activated(net, net.convolution(changed, width // 2, 3)), axis=1)
    halves = net.add("Reshape", joined, net.constant(np.array([batch, 2, width // 2, *space])))
    swapped = net.add("Transpose", halves, perm=[0, 2, 1, *range(3, 3 + len(space))])
    return net.add("Reshape", swapped, net.constant(np.array([batch, width, *space])))


def pooled(net, x):
    if min(net.shape(x)[2:]) < 4:
        return residual(net, x)
    spatial = axes(net, x)
    operator, more = pick(net, ("MaxPool", {}), ("AveragePool", {"count_include_pad": 1}), ("AveragePool", {}))
    return net.add(operator, x, kernel_shape=[3] * spatial, strides=[2] * spatial, pads=[1] * 2 * spatial, **more)


def enlarged(net, x):
    """Nearest-neighbour upsampling beside the way down, as feature pyramids do."""
    if axes(net, x) != 2 or positions(net, x) > 800 or min(net.shape(x)[2:]) < 2:
        return residual(net, x)
    small = pooled(net, x) if positions(net, x) > 100 else x
    scales = net.constant(np.array([1, 1, 2, 2], np.float32))
    large = net.add("Resize", small, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    return activated(net, net.convolution(large, wider(net, x), 3, stride=pick(net, 1, 2)))


def cropped(net, x):
    """A border cut off, then zeros around it."""
    space = net.shape(x)[2:]
    if min(space) < 6:
        return residual(net, x)
    spatial = len(space)
    starts, ends, along = [1] * spatial, [size - 1 for size in space], list(range(2, 2 + spatial))
    inner = net.add("Slice", x, *[net.constant(np.array(values)) for values in (starts, ends, along)])
    pads = [0, 0, *[1] * spatial, 0, 0, *[2] * spatial]
    return uneven(net, net.add("Pad", inner, net.constant(np.array(pads)), mode="constant"))


def averaged(net, x):
    """A linear layer on the mean over all places, then softmax."""
    mean = net.add("ReduceMean", x, axes=list(range(2, len(net.shape(x)))), keepdims=0)
    return net.add("Softmax", net.dense(mean, 20, gain=2.0), axis=-1)


def attended(net, x):
    """Places as tokens, one attention layer, a linear layer on their mean."""
    while positions(net, x) > 200:
        x = net.convolution(x, net.shape(x)[1], 3, stride=2)
    x = net.convolution(x, 64, 1)
    flat = net.add("Reshape", x, net.constant(np.array([1, 64, -1])))
    tokens = net.add("Transpose", flat, perm=[0, 2, 1])
    tokens = net.add("Add", tokens, attention(net, tokens, 4))
    return net.dense(net.add("ReduceMean", tokens, axes=[1], keepdims=0), 20, gain=2.0)


def linear(net, x):
    pooled_once = net.add("GlobalAveragePool", x)
    hidden = net.add("Relu", net.dense(net.add("Flatten", pooled_once, axis=1), 64))
    return net.dense(hidden, 20, gain=2.0)


BLOCKS = [uneven, grouped, dilated, separable, separable, residual, excited, branched, shuffled, pooled, enlarged, cropped]
TAILS = [averaged, attended, linear]
