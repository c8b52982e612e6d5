"""Quantized models cut into their smallest quantized pieces, each a little model of its own.

A piece is: what lies between DequantizeLinear and QuantizeLinear, with both (QDQ); one node that reads bytes and gives
bytes (QOperator); DynamicQuantizeLinear with a product of integers behind it (dynamic).
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime import GraphOptimizationLevel
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel

from network import IR_VERSION, described, session

EXACT = [("session.x64quantprecision", "1")]
BYTES = (np.uint8, np.int8)
BORDER = ("QuantizeLinear", "DequantizeLinear")
INTEGER_PRODUCTS = ("ConvInteger", "MatMulInteger")


@dataclass
class Group:
    """A piece: its name (the operators that do the work), its nodes in order, and its model."""

    name: str
    inputs: list[str]
    outputs: list[str]
    model: onnx.ModelProto


def exact_session(model):
    """ONNX Runtime with exact products. (It has no such kernel for signed activations, whose own kernel is exact.)"""
    try:
        return session(model, entries=EXACT)
    except NoKernel:
        return session(model)


def every_value(model, feed):
    """{tensor: array} of all that a model computes, node by node as the file says."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    names = [name for node in model.graph.node for name in node.output if name]
    del shown.graph.output[:]
    shown.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    values = session(shown, level=GraphOptimizationLevel.ORT_DISABLE_ALL).run(None, feed)
    return feed | dict(zip(names, values))


def groups(model, values):
    """The pieces of a model whose tensors have the types and shapes of `values`."""
    return [*between_borders(model, values), *on_bytes(model, values), *dynamic(model, values)]


def between_borders(model, values):
    """QDQ: connected float nodes with the dequantizing nodes before and the quantizing nodes behind them."""
    nodes = list(model.graph.node)
    made_by = {name: node for node in nodes for name in node.output}
    readers = defaultdict(list)
    for node in nodes:
        for name in node.input:
            readers[name].append(node)
    for members in connected([node for node in nodes if works_on_floats(node, values)], values):
        names = [name for node in members for name in node.input]
        before = [made_by[name] for name in dict.fromkeys(names) if name in made_by and made_by[name].op_type == "DequantizeLinear"]
        outputs = [name for node in members for name in node.output]
        behind = [node for name in outputs for node in readers[name] if node.op_type == "QuantizeLinear"]
        if before and behind:
            label = "+".join(dict.fromkeys(node.op_type for node in members))
            yield cut(model, label, [*before, *members, *behind], [node.output[0] for node in behind], values)


def works_on_floats(node, values):
    """Whether a node of a QDQ model computes in float; borders and what only moves bytes don't."""
    touched = [values[name].dtype for name in [*node.input, *node.output] if name in values]
    return node.op_type not in BORDER and any(kind == np.float32 for kind in touched) and not any(kind in BYTES for kind in touched)


def connected(nodes, values):
    """Nodes in sets that share a computed float tensor."""
    parts = []
    for node in nodes:
        touching = [part for part in parts if any(name in other.output for other in part for name in node.input)]
        for part in touching:
            parts.remove(part)
        parts.append([*(other for part in touching for other in part), node])
    return [sorted(part, key=nodes.index) for part in parts]


def on_bytes(model, values):
    """Nodes that read bytes and give bytes, and the borders of floats."""
    for node in model.graph.node:
        reads = [values[name].dtype for name in node.input if name in values]
        gives = [values[name].dtype for name in node.output if name in values]
        if any(kind in BYTES for kind in gives) and reads and node.op_type not in ("DynamicQuantizeLinear", "DequantizeLinear"):
            if node.op_type != "QuantizeLinear" or node.input[0] in {entry.name for entry in model.graph.input}:
                yield cut(model, node.op_type, [node], [name for name in node.output if name], values)


def dynamic(model, values):
    """DynamicQuantizeLinear and each product of integers behind it."""
    made_by = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        maker = made_by.get(node.input[0]) if node.op_type in INTEGER_PRODUCTS else None
        if maker is not None and maker.op_type == "DynamicQuantizeLinear":
            yield cut(model, f"Dynamic {node.op_type}", [maker, node], [node.output[0]], values)


def cut(model, name, nodes, outputs, values):
    """Nodes as a model; what they read from outside and isn't constant becomes its inputs."""
    made = {output for node in nodes for output in node.output}
    read = dict.fromkeys(entry for node in nodes for entry in node.input if entry and entry not in made)
    inputs = [entry for entry in read if entry in values]
    constants = [weights for weights in model.graph.initializer if weights.name in read]
    outputs = list(dict.fromkeys(outputs))
    graph = helper.make_graph(
        nodes, "piece", [described(entry, values[entry]) for entry in inputs],
        [described(entry, values[entry]) for entry in outputs], constants,
    )
    piece = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=IR_VERSION)
    return Group(name, inputs, outputs, piece)


def answers(group, values):
    """What ONNX Runtime gives for a piece, one array an output.

    Inside a model it turns signed tensors between two borders into unsigned ones. So that it does so here too, a piece
    of QDQ form gets floats that it quantizes itself, and gives floats.
    """
    feed = {entry: values[entry] for entry in group.inputs}
    signed = [entry for entry, array in feed.items() if array.dtype == np.int8]
    if not signed or group.model.graph.node[0].op_type != "DequantizeLinear":
        return exact_session(group.model).run(group.outputs, feed)
    model = onnx.ModelProto()
    model.CopyFrom(group.model)
    bordered = Bordered(model.graph)
    for entry in signed:
        feed[f"{entry}/float"] = bordered.quantize(entry, feed.pop(entry))
    restore = [bordered.dequantize(output) for output in group.outputs]
    names = [f"{output}/float" for output in group.outputs]
    return [back(array) for back, array in zip(restore, exact_session(model).run(names, feed))]


class Bordered:
    """A piece's graph whose borders are moved out by one node."""

    def __init__(self, graph):
        self.graph = graph
        self.constants = {weights.name: numpy_helper.to_array(weights) for weights in graph.initializer}

    def quantize(self, entry, array):
        """Puts a quantizing node before an input; the floats that give `array`."""
        reader = next(node for node in self.graph.node if node.op_type == "DequantizeLinear" and node.input[0] == entry)
        scale, zero_point = (self.constants[name] for name in reader.input[1:3])
        given = next(value for value in self.graph.input if value.name == entry)
        given.CopyFrom(described(f"{entry}/float", array.astype(np.float32)))
        self.graph.node.insert(0, helper.make_node("QuantizeLinear", [f"{entry}/float", *reader.input[1:3]], [entry]))
        return (array.astype(np.int32) - int(zero_point)).astype(np.float32) * scale

    def dequantize(self, output):
        """Puts a dequantizing node behind an output; what turns its floats into the output's bytes again."""
        maker = next(node for node in self.graph.node if output in node.output)
        scale, zero_point = (self.constants[name] for name in maker.input[1:3])
        given = next(value for value in self.graph.output if value.name == output)
        given.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        given.name = f"{output}/float"
        self.graph.node.append(helper.make_node("DequantizeLinear", [output, *maker.input[1:3]], [f"{output}/float"]))
        return lambda array: (np.rint(array / scale) + int(zero_point)).astype(zero_point.dtype)


def without_constant_nodes(model):
    """The same model with its Constant nodes as initializers, so that pieces find them."""
    lean = onnx.ModelProto()
    lean.CopyFrom(model)
    constants = [node for node in lean.graph.node if node.op_type == "Constant"]
    for node in constants:
        tensor = helper.get_attribute_value(node.attribute[0])
        array = numpy_helper.to_array(tensor) if isinstance(tensor, onnx.TensorProto) else np.array(tensor)
        lean.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
        lean.graph.node.remove(node)
    return lean
