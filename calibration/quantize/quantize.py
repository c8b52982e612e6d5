"""Post-training quantization of a float graph to int8 in QDQ form, with a reference set's calibration split.

    python quantize.py model.fp32.onnx model.int8.onnx --set calibration/sets/av-digits

Weights are int8 per output channel, activations uint8 per tensor. Only convolutions and products with weights become
integer; normalisation, softmax and the products of attention stay in float.
"""

import argparse
import pathlib
import sys
import tempfile

import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "models" / "training"))
from reference import read_set  # noqa: E402

METHODS = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile, "entropy": CalibrationMethod.Entropy}


class SplitReader(CalibrationDataReader):
    """Feeds the samples of one split, then the same with either side missing, as the model meets them in use."""

    def __init__(self, samples):
        silence, black = missing()
        pairs = [(sample.image, sample.audio) for sample in samples]
        pairs += [(black, audio) for _, audio in pairs[::8]] + [(image, silence) for image, _ in pairs[::8]]
        self.feeds = iter([{"image": image[None], "audio": audio[None]} for image, audio in pairs])

    def get_next(self):
        return next(self.feeds, None)


def missing():
    """What silence and a black picture look like to the graph."""
    import numpy as np
    from features import IMAGE_SIDE, WINDOW_SAMPLES, log_mel, normalise

    return log_mel(np.zeros((1, WINDOW_SAMPLES)))[0], normalise(np.zeros((1, IMAGE_SIDE, IMAGE_SIDE)))[0]


def products_without_weights(path):
    """Names of MatMul nodes whose second factor is computed: attention's own products."""
    graph = onnx.load(path).graph
    weights = {initializer.name for initializer in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMul"]
    return [node.name for node in products if node.input[1] not in weights or node.input[1] == "sides"]


def quantize(source, target, samples, method):
    """Writes the int8 graph of `source` to `target`."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = pathlib.Path(folder, "prepared.onnx")
        quant_pre_process(source, prepared, skip_symbolic_shape=True, skip_optimization=True)
        quantize_static(
            prepared, target, SplitReader(samples), quant_format=QuantFormat.QDQ, per_channel=True,
            weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8, op_types_to_quantize=["Conv", "MatMul"],
            nodes_to_exclude=products_without_weights(prepared), calibrate_method=METHODS[method],
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--set", type=pathlib.Path, required=True)
    parser.add_argument("--method", choices=METHODS, default="minmax")
    arguments = parser.parse_args()
    samples = [sample for sample in read_set(arguments.set) if sample.split == "calibration"]
    if not samples:
        parser.error(f"{arguments.set} has no calibration split")
    quantize(arguments.source, arguments.target, samples, arguments.method)


if __name__ == "__main__":
    main()
