"""Post-training quantization of a float graph to int8 in QDQ form, with a reference set's calibration split.

    python quantize.py model.fp32.onnx model.int8.onnx --set calibration/sets/av-digits
    python quantize.py model.fp32.onnx model.int8.onnx --set target/stamps/set --operators Conv Gemm MatMul Add GlobalAveragePool Gather
    python quantize.py zoo/shape-talk --set calibration/sets/shape-talk

A bundle that speaks has two graphs, encoder and decoder; the decoder's ranges come from what it says to the samples.
Weights are int8 per output channel, activations uint8 per tensor. Of the operators that are named only products with weights,
sums of what convolutions gave, and tables become integer; normalisation, softmax and the products of attention stay in float.
"""

import argparse
import pathlib
import sys
import tempfile
import tomllib

import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "models" / "training"))

METHODS = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile, "entropy": CalibrationMethod.Entropy}
OPERATORS = ("Conv", "MatMul")


class Reader(CalibrationDataReader):
    """Hands out {input: value} one after the other."""

    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def pair_feeds(folder):
    """The calibration samples of pictures and sounds, then the same with either side missing, as the model meets them in use."""
    import numpy as np
    from features import IMAGE_SIDE, WINDOW_SAMPLES, log_mel, normalise
    from reference import read_set

    silence, black = log_mel(np.zeros((1, WINDOW_SAMPLES)))[0], normalise(np.zeros((1, IMAGE_SIDE, IMAGE_SIDE)))[0]
    pairs = [(sample.image, sample.audio) for sample in read_set(folder) if sample.split == "calibration"]
    pairs += [(black, audio) for _, audio in pairs[::8]] + [(image, silence) for image, _ in pairs[::8]]
    return [{"image": image[None], "audio": audio[None]} for image, audio in pairs]


def caption_feeds(folder):
    """The calibration samples of pictures and captions."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "models" / "training" / "stamps"))
    from pairs import feeds, read_split

    return feeds(read_split(folder, "calibration"))


def talk_feeds(folder, bundle):
    """What encoder and decoder are fed while the float graphs answer the calibration samples, and some of them without a picture."""
    from shape_talk.runtime import Talker, read_set

    talker = Talker(bundle, "fp32")
    samples = [(sample.ask, sample.given) for sample in read_set(folder) if sample.split == "calibration"]
    samples += [(ask, {name: value for name, value in given.items() if name != "image"}) for ask, given in samples[::8]]
    encoder = [talker.feeds(**given) for _, given in samples]
    decoder = [feeds for ask, given in samples for feeds, _ in talker.steps(ask, talker.encode(**given))]
    return encoder, decoder


# By a set's task, of models with one graph.
FEEDS = {"classification": pair_feeds, "retrieval": caption_feeds}


def kept_in_float(path):
    """Names of the nodes that bytes would harm or that aren't products with weights.

    MatMul: whose second factor is computed (attention's own products), or whose first is a softmax: a byte can't tell a
    thousand small shares apart. Add: of anything but what a convolution gave.
    """
    graph = onnx.load(path).graph
    weights = {initializer.name for initializer in graph.initializer}
    maker = {output: node.op_type for node in graph.node for output in node.output}
    products = [node for node in graph.node if node.op_type == "MatMul"]
    sums = [node for node in graph.node if node.op_type == "Add"]
    return [
        *(node.name for node in products if node.input[1] not in weights or node.input[1] == "sides" or maker.get(node.input[0]) == "Softmax"),
        *(node.name for node in sums if "Conv" not in {maker.get(term) for term in node.input}),
    ]


def quantize(source, target, feeds, method, operators=OPERATORS, seven_bits=False):
    """Writes the int8 graph of `source` to `target`, with ranges from `feeds`."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = pathlib.Path(folder, "prepared.onnx")
        quant_pre_process(source, prepared, skip_symbolic_shape=True, skip_optimization=True)
        quantize_static(
            prepared, target, Reader(feeds), quant_format=QuantFormat.QDQ, per_channel=True,
            weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8, op_types_to_quantize=list(operators),
            nodes_to_exclude=kept_in_float(prepared), calibrate_method=METHODS[method],
            reduce_range=seven_bits,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path, help="a float graph, or the folder of a bundle that speaks")
    parser.add_argument("target", type=pathlib.Path, nargs="?")
    parser.add_argument("--set", type=pathlib.Path, required=True)
    parser.add_argument("--method", choices=METHODS, default="minmax")
    parser.add_argument("--operators", nargs="+", default=OPERATORS)
    parser.add_argument("--seven-bits", action="store_true", help=(
        "weights in -64..64: where bright pictures fill the range of a byte, ONNX Runtime's sums of two products saturate on AVX2 otherwise"))
    arguments = parser.parse_args()
    if arguments.source.is_dir():
        parts = zip(("encoder", "decoder"), talk_feeds(arguments.set, arguments.source))
        jobs = [(arguments.source / f"{part}.fp32.onnx", arguments.source / f"{part}.int8.onnx", feeds) for part, feeds in parts]
    else:
        task = tomllib.loads((arguments.set / "set.toml").read_text())["task"]
        jobs = [(arguments.source, arguments.target, FEEDS[task](arguments.set))]
    for source, target, feeds in jobs:
        if not feeds:
            parser.error(f"{arguments.set} has no calibration split")
        quantize(source, target, feeds, arguments.method, arguments.operators, arguments.seven_bits)


if __name__ == "__main__":
    main()
