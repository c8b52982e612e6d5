"""Which models there are, and how each is made."""

from dataclasses import dataclass
from functools import partial
from typing import Callable

import onnx
from onnx import version_converter
from onnxruntime.quantization import QuantFormat, QuantType
from onnxruntime.tools.onnx_model_utils import make_input_shape_fixed

import architectures
import inputs
from network import Network
from quantizing import quantize, quantize_weights
from random_architecture import random_architecture, random_input

TESTED_INPUTS = 200
CALIBRATED_ON = 32


@dataclass
class Recipe:
    """How a model is made. `kind`: benchmark, random or variant."""

    name: str
    kind: str
    described: str
    real: bool
    inputs: Callable[[], list[dict]]
    build: Callable[[list[dict]], onnx.ModelProto]
    quantize: Callable[[onnx.ModelProto, list[dict]], onnx.ModelProto] = quantize


def recipes(first_seed=0):
    """Every model: the benchmark's, ten random architectures, and the variants of how things are quantized."""
    drawn = [random_recipe(seed) for seed in range(first_seed, first_seed + 10)]
    return [*benchmark_recipes(), *drawn, *variant_recipes()]


def single(samples):
    return [{"input": sample} for sample in samples]


def built(layers, seed, feeds, opset=17):
    """The float model that `layers` writes, its weights scaled on the first feeds."""
    net = Network("network", {"input": [feed["input"] for feed in feeds[:4]]}, seed, opset)
    return net.model([layers(net)])


def of(name, layers, described, real, samples, seed, kind="benchmark", opset=17, **more):
    """A recipe of a network with one input, called `input`."""
    return Recipe(name, kind, described, real, lambda: single(samples()), partial(built, layers, seed, opset=opset), **more)


def photographs():
    return inputs.pictures(CALIBRATED_ON + TESTED_INPUTS, seed=1)


def benchmark_recipes():
    """The models that the benchmark's table is about."""
    crops, count = "crops of photographs (scikit-image)", CALIBRATED_ON + TESTED_INPUTS
    return [
        of("mobilenet-v1", architectures.mobilenet_v1, crops, True, photographs, 11),
        of("mobilenet-v2", architectures.mobilenet_v2, crops, True, photographs, 12),
        of("resnet-18", architectures.resnet18, crops, True, photographs, 13),
        of("efficientnet-lite0", architectures.efficientnet_lite0, crops, True, photographs, 14),
        of("keyword-cnn", architectures.keyword_cnn, "spoken digits (av-digits set)", True, lambda: inputs.keywords(count), 15),
        of("transformer", architectures.transformer, "synthetic sentences", False,
           lambda: inputs.embeddings(count, 64, 128, 16), 16),
        Recipe("av-digits", "benchmark", "handwriting and speech (av-digits set)", True, digit_feeds, zoo("fp32"), zoo("int8")),
        Recipe("pp-ocr-rec", "benchmark", "printed lines (scikit-image's page)", True,
               lambda: [{"x": line} for line in inputs.text_lines(count, seed=17)], text_recognizer),
    ]


def digit_feeds():
    """First as many as calibration takes elsewhere (unused: this model comes quantized), then the test split."""
    return inputs.digit_pairs(CALIBRATED_ON, "calibration") + inputs.digit_pairs(TESTED_INPUTS, "test")


def zoo(precision):
    return lambda *_: onnx.load(inputs.ROOT / "models" / "zoo" / "av-digits" / f"model.{precision}.onnx")


def text_recognizer(_feeds):
    """PP-OCRv4's recognizer out of the package rapidocr-onnxruntime, its input's shape fixed."""
    path = inputs.package_folder("rapidocr_onnxruntime") / "models" / "ch_PP-OCRv4_rec_infer.onnx"
    model = onnx.load(path)
    make_input_shape_fixed(model.graph, "x", [1, 3, 48, 320])
    for stale in (model.graph.value_info, model.graph.output[0].type.tensor_type.shape.dim):
        del stale[:]
    return version_converter.convert_version(model, 17)


def random_recipe(seed):
    samples = partial(random_input, seed, CALIBRATED_ON + 20)
    return of(f"random-{seed}", random_architecture, "synthetic fields", False, samples, (seed, 2), kind="random")


def variant_recipes():
    """Small models in each of the forms that quantizers write."""
    forms = {
        "s8-activations": partial(quantize, activations=QuantType.QInt8),
        "s8-symmetric": partial(quantize, activations=QuantType.QInt8, extra_options={"ActivationSymmetric": True}),
        "per-tensor": partial(quantize, per_channel=False),
        "u8-weights": partial(quantize, weights=QuantType.QUInt8),
        "u8-per-tensor": partial(quantize, weights=QuantType.QUInt8, per_channel=False),
        "reduce-range": partial(quantize, reduce_range=True),
        "qoperator": partial(quantize, form=QuantFormat.QOperator),
        "qoperator-s8": partial(quantize, form=QuantFormat.QOperator, activations=QuantType.QInt8),
        "dynamic": lambda model, _: quantize_weights(model),
        "dynamic-per-channel": lambda model, _: quantize_weights(model, per_channel=True),
    }
    made = [variant(f"{base}-{form}", base, how) for form, how in forms.items() for base in VARIANT_BASES]
    return made + [variant(f"{base}-opset13", base, quantize, opset=13) for base in VARIANT_BASES]


# What variants are made of: layers, inputs, whether the inputs are real.
VARIANT_BASES = {
    "keyword": (architectures.keyword_cnn, lambda: inputs.keywords(CALIBRATED_ON + 32), True),
    "mixed": (random_architecture, lambda: random_input(3, CALIBRATED_ON + 16), False),
    "assorted": (architectures.assorted, lambda: inputs.structured((1, 3, 17, 22), CALIBRATED_ON + 16, 9), False),
    "encoder": (partial(architectures.transformer, layers=1), lambda: inputs.embeddings(CALIBRATED_ON + 16, 16, 64, 3), False),
}


def variant(name, base, how, opset=17):
    layers, samples, real = VARIANT_BASES[base]
    return of(name, layers, "as its float model's", real, samples, 21, kind="variant", opset=opset, quantize=how)
