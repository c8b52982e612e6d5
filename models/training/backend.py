"""The two sets of operations that model.py is written against: JAX arrays, and nodes of an ONNX graph."""

import jax
import jax.numpy as jnp
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

OPSET = 17


class JaxOps:
    """Operations on batches of JAX arrays."""

    def __init__(self, parameters):
        self.parameters = parameters

    def constant(self, name):
        return self.parameters[name]

    def literal(self, _name, value):
        return value

    def conv(self, name, x, stride, padding):
        # Channels last inside: XLA's CPU convolution is three times as fast so.
        weight = self.parameters[name + ".weight"].transpose(2, 3, 1, 0)
        y = jax.lax.conv_general_dilated(
            x.transpose(0, 2, 3, 1), weight, stride, [(p, p) for p in padding], dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return (y + self.parameters[name + ".bias"]).transpose(0, 3, 1, 2)

    def linear(self, name, x):
        return x @ self.parameters[name + ".weight"] + self.parameters[name + ".bias"]

    def reshape(self, x, shape):
        return x.reshape((x.shape[0], *shape))

    def transpose(self, x, order):
        return x.transpose((0, *(axis + 1 for axis in order)))

    def concat(self, a, b, axis):
        return jnp.concatenate([a, b], axis)

    def matmul(self, a, b):
        return a @ b

    def softmax(self, x):
        return jax.nn.softmax(x, axis=-1)

    def reduce_mean(self, x, axis):
        return x.mean(axis, keepdims=True)

    def reduce_max(self, x, axis):
        return x.max(axis, keepdims=True)

    def embed(self, name, ids):
        return self.parameters[name][ids]

    def padding(self, ids):
        """[n, length, 1]: 1 where a token is, 0 where there is padding, which is token 0."""
        return (ids != 0).astype(jnp.float32)[..., None]

    def gru(self, name, x):
        """Both directions over [n, length, width] -> [n, length, 2 · size]; ONNX's GRU with linear_before_reset."""
        inward, across = self.parameters[name + ".inward"], self.parameters[name + ".across"]       # [2, 3 · size, …]
        bias, size = self.parameters[name + ".biases"], across.shape[2]
        outputs = []
        for way in range(2):
            gates = x @ inward[way].T + bias[way, : 3 * size]

            def step(state, gate, way=way):
                kept = state @ across[way].T + bias[way, 3 * size:]
                update, reset = (jax.nn.sigmoid(gate[:, part] + kept[:, part]) for part in (slice(0, size), slice(size, 2 * size)))
                fresh = jnp.tanh(gate[:, 2 * size:] + reset * kept[:, 2 * size:])
                state = (1 - update) * fresh + update * state
                return state, state

            _, states = jax.lax.scan(step, jnp.zeros((len(x), size)), gates.swapaxes(0, 1), reverse=way == 1)
            outputs.append(states.swapaxes(0, 1))
        return jnp.concatenate(outputs, -1)

    relu = staticmethod(jax.nn.relu)
    sigmoid = staticmethod(jax.nn.sigmoid)
    tanh = staticmethod(jnp.tanh)
    add = staticmethod(jnp.add)
    subtract = staticmethod(jnp.subtract)
    multiply = staticmethod(jnp.multiply)
    divide = staticmethod(jnp.divide)
    sqrt = staticmethod(jnp.sqrt)

    def scale(self, x, factor):
        return x * factor

    def shift(self, x, offset):
        return x + offset


class OnnxOps:
    """The same operations as nodes of a graph with a batch of one. Values are tensor names."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.nodes, self.initializers = [], {}

    def literal(self, name, value, dtype=np.float32):
        self.initializers.setdefault(name, numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, kind, *inputs, name=None, **attributes):
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name + ".out"], name=name, **attributes))
        return name + ".out"

    def constant(self, name):
        return self.literal(name, self.parameters[name])

    def conv(self, name, x, stride, padding):
        weight, bias = self.constant(name + ".weight"), self.constant(name + ".bias")
        return self.node("Conv", x, weight, bias, name=name, strides=stride, pads=[*padding, *padding])

    def linear(self, name, x):
        product = self.node("MatMul", x, self.constant(name + ".weight"), name=name)
        return self.node("Add", product, self.constant(name + ".bias"))

    def reshape(self, x, shape):
        target = [1, *shape]
        return self.node("Reshape", x, self.literal("shape_" + "x".join(map(str, target)), target, np.int64))

    def transpose(self, x, order):
        return self.node("Transpose", x, perm=[0, *(axis + 1 for axis in order)])

    def concat(self, a, b, axis):
        return self.node("Concat", a, b, axis=axis)

    def matmul(self, a, b):
        return self.node("MatMul", a, b, name=f"mix_{len(self.nodes)}")

    def softmax(self, x):
        return self.node("Softmax", x, axis=-1)

    def reduce_mean(self, x, axis):
        return self.node("ReduceMean", x, axes=[axis], keepdims=1)

    def reduce_max(self, x, axis):
        return self.node("ReduceMax", x, axes=[axis], keepdims=1)

    def relu(self, x):
        return self.node("Relu", x)

    def add(self, a, b):
        return self.node("Add", a, b)

    def subtract(self, a, b):
        return self.node("Sub", a, b)

    def multiply(self, a, b):
        return self.node("Mul", a, b)

    def divide(self, a, b):
        return self.node("Div", a, b)

    def sqrt(self, x):
        return self.node("Sqrt", x)

    def sigmoid(self, x):
        return self.node("Sigmoid", x)

    def tanh(self, x):
        return self.node("Tanh", x)

    def embed(self, name, ids):
        return self.node("Gather", self.constant(name), ids, axis=0)

    def padding(self, ids):
        """1 where a token is, 0 where there is padding, which is token 0."""
        is_padding = self.node("Equal", ids, self.literal("padding", [0], np.int64))
        there = self.node("Sub", self.literal("one", 1.0), self.node("Cast", is_padding, to=TensorProto.FLOAT))
        return self.node("Unsqueeze", there, self.literal("last", [-1], np.int64))

    def gru(self, name, x):
        """Both directions over [1, length, width] -> [1, length, 2 · size]."""
        inward, across, biases = (self.constant(f"{name}.{part}") for part in ("inward", "across", "biases"))
        length_first = self.node("Transpose", x, perm=[1, 0, 2])
        size = self.parameters[name + ".across"].shape[2]
        states = self.node("GRU", length_first, inward, across, biases, name=name, direction="bidirectional", hidden_size=size, linear_before_reset=1)
        together = self.node("Transpose", states, perm=[2, 0, 1, 3])              # [length, 2, 1, size] -> [1, length, 2, size]
        return self.node("Reshape", together, self.literal("shape_states", [1, -1, 2 * size], np.int64))

    def scale(self, x, factor):
        return self.node("Mul", x, self.literal(f"number_{factor}", factor))

    def shift(self, x, offset):
        return self.node("Add", x, self.literal(f"number_{offset}", offset))

    def model(self, name, inputs, outputs, integers=()):
        """inputs {name: shape}, outputs {name: (tensor, shape)} -> a checked ONNX model; `integers` are int64 inputs."""
        ends = [helper.make_node("Identity", [tensor], [end], name=end) for end, (tensor, _) in outputs.items()]
        kind = lambda key: TensorProto.INT64 if key in integers else TensorProto.FLOAT
        describe = lambda key, shape: helper.make_tensor_value_info(key, kind(key), shape)
        graph = helper.make_graph(
            self.nodes + ends, name, [describe(*item) for item in inputs.items()],
            [describe(key, shape) for key, (_, shape) in outputs.items()], list(self.initializers.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name=name)
        model.ir_version = 8
        checker.check_model(model, full_check=True)
        return model
