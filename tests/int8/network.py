"""Float networks written down as they run: every operator is evaluated at once on a few samples, so that each layer's
random weights can be scaled to keep what follows alive (as batch normalization would have in training)."""

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

IR_VERSION = 8


def session(model, threads=1, entries=(), level=None):
    """An ONNX Runtime session of a model or a path, on the processor, quiet."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if level is not None:
        options.graph_optimization_level = level
    for key, value in entries:
        options.add_session_config_entry(key, value)
    source = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


class Network:
    """A graph in the making. Tensors are named by strings; `values[name]` is a list of one array per sample."""

    def __init__(self, name, inputs, seed, opset=17):
        self.name, self.opset = name, opset
        self.random = np.random.default_rng(seed)
        self.values = {key: list(samples) for key, samples in inputs.items()}
        self.inputs = list(inputs)
        self.nodes, self.constants = [], {}

    def shape(self, tensor):
        return self.values[tensor][0].shape

    def constant(self, array, name=None):
        """A constant of the graph; floats are stored as float32."""
        array = np.asarray(array)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        name = name or f"constant_{len(self.constants)}"
        self.constants[name] = array
        return name

    def add(self, operator, *inputs, outputs=1, **attributes):
        """Appends a node and evaluates it; the output's name, or several."""
        label = f"{operator.lower()}_{len(self.nodes)}"
        names = [label] if outputs == 1 else [f"{label}_{index}" for index in range(outputs)]
        node = helper.make_node(operator, inputs, names, name=label, **attributes)
        self.nodes.append(node)
        for name, samples in zip(names, self.evaluate(node)):
            self.values[name] = samples
        return names[0] if outputs == 1 else names

    def evaluate(self, node):
        """What a node gives: for each output, one array per sample."""
        fed = [name for name in dict.fromkeys(node.input) if name in self.values]
        used = [numpy_helper.from_array(self.constants[name], name) for name in node.input if name in self.constants]
        graph = helper.make_graph(
            [node], "node", [described(name, self.values[name][0]) for name in fed],
            [helper.make_empty_tensor_value_info(name) for name in node.output], used,
        )
        run = session(self.wrap(graph)).run
        rows = [run(None, dict(zip(fed, row))) for row in zip(*(self.values[name] for name in fed))]
        return [list(column) for column in zip(*rows)]

    def wrap(self, graph):
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=IR_VERSION)

    def model(self, outputs):
        """The finished model; its outputs are the named tensors."""
        graph = helper.make_graph(
            self.nodes, self.name, [described(name, self.values[name][0]) for name in self.inputs],
            [described(name, self.values[name][0]) for name in outputs],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        model = self.wrap(graph)
        onnx.checker.check_model(model, full_check=True)
        return model

    def convolution(self, x, channels, kernel, stride=1, pads=None, dilation=1, groups=1, weight=None, bias=None):
        """Conv over the spatial axes of `x`, 1-D or 2-D. Weights not given are random and scaled."""
        kernel, stride, dilation = (along(value, len(self.shape(x)) - 2) for value in (kernel, stride, dilation))
        pads = same_pads(kernel, dilation) if pads is None else pads
        attributes = dict(kernel_shape=kernel, strides=stride, dilations=dilation, group=groups, pads=pads)
        if weight is None:
            shape = (channels, self.shape(x)[1] // groups, *kernel)
            weight, bias = self.scaled("Conv", x, self.random.standard_normal(shape), 1, attributes)
        named = [self.constant(weight), self.constant(bias)]
        return self.add("Conv", x, *named, **attributes)

    def dense(self, x, width, gain=1.0):
        """Gemm of (1, K), as a linear layer is exported (transposed weights)."""
        weight = self.random.standard_normal((width, self.shape(x)[-1]))
        weight, bias = self.scaled("Gemm", x, weight, 1, {"transB": 1})
        return self.add("Gemm", x, self.constant(weight * gain), self.constant(bias * gain), transB=1)

    def product(self, x, width, gain=1.0):
        """MatMul of (…, K) with constants, and Add of a bias."""
        weight = self.random.standard_normal((width, self.shape(x)[-1]))
        weight, bias = self.scaled("MatMul", x, weight, -1, {})
        product = self.add("MatMul", x, self.constant(weight.T * gain))
        return self.add("Add", product, self.constant(bias * gain))

    def scaled(self, operator, x, weight, axis, attributes):
        """Random weights so scaled, and a bias so chosen, that each output channel has about mean 0 and deviation 1."""
        trial = self.constant(weight.T if operator == "MatMul" else weight, "trial")
        (results,) = self.evaluate(helper.make_node(operator, [x, trial], ["trial_output"], **attributes))
        del self.constants["trial"]
        channels = np.concatenate([np.moveaxis(result, axis, 0).reshape(len(weight), -1) for result in results], axis=1)
        deviation = channels.std(axis=1)
        factor = self.random.uniform(0.6, 1.4, len(weight)) / np.maximum(deviation, 0.1 * np.median(deviation) + 1e-6)
        bias = self.random.normal(0, 0.3, len(weight)) - channels.mean(axis=1) * factor
        return weight * factor.reshape(-1, *[1] * (weight.ndim - 1)), bias


def described(name, array):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def along(value, axes):
    return list(value) if isinstance(value, (list, tuple)) else [value] * axes


def same_pads(kernel, dilation):
    """Pads that keep an odd window's size, the same on both sides."""
    half = [(size - 1) * step // 2 for size, step in zip(kernel, dilation)]
    return half + half


