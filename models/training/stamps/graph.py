"""The graphs: the encoders that nothing is learnt in, and the whole model."""

import numpy as np
import onnx

import language
from borrowed import Network, lite0_features, lite0_weights
from pictures import SIDE

IMAGE = {"image": [np.zeros((1, 3, SIDE, SIDE), np.float32)]}
TEXT = {
    "text": [np.zeros((1, language.MAX_TOKENS), np.int64)],
    "attention_mask": [np.ones((1, language.MAX_TOKENS), np.int64)],
}


def image_encoder():
    """image -> 1280 features, 1000 logits of ImageNet's classes."""
    net = Network("features", IMAGE, seed=0)
    return net.model(features_and_logits(net))


def text_encoder():
    """text, attention_mask -> a sentence's 384 numbers."""
    net = Network("sentences", TEXT, seed=0)
    return net.model([language.sentence(net, language.weights())])


def features_and_logits(net):
    weights = lite0_weights()
    features = lite0_features(net, weights, "image")
    logits = net.add("Gemm", features, net.constant(weights["_fc.weight"]), net.constant(weights["_fc.bias"]), transB=1)
    return [features, logits]


def whole(heads):
    """Both sides and what was learnt, as one graph with the outputs image_embedding and text_embedding."""
    net = Network("stamps", IMAGE | TEXT, seed=0)
    ends = {"image_embedding": image_side(net, heads), "text_embedding": text_side(net, heads)}
    model = net.model(list(ends.values()))
    for end, tensor in ends.items():
        model.graph.node.append(onnx.helper.make_node("Identity", [tensor], [end], name=end))
    for output, end in zip(model.graph.output, ends):
        output.name = end
    onnx.checker.check_model(model, full_check=True)
    return model


def image_side(net, heads):
    features, logits = features_and_logits(net)
    learnt = net.add("Gemm", features, net.constant(heads.weight.T), net.constant(heads.bias), transB=1)
    shares = net.add("Softmax", net.add("Mul", logits, net.constant(np.float32(1 / heads.temperature))), axis=-1)
    told = net.add("MatMul", shares, net.constant(heads.names, "names"))
    return unit(net, net.add("Add", learnt, told))


def text_side(net, heads):
    said = net.add("Sub", unit(net, language.sentence(net, language.weights())), net.constant(heads.centre))
    return unit(net, net.add("MatMul", said, net.constant(heads.space, "space")))


def unit(net, x):
    """Unit length; what has none stays."""
    length = net.add("Max", net.add("ReduceL2", x, axes=[-1], keepdims=1), net.constant(np.float32(1e-6)))
    return net.add("Div", x, length)
