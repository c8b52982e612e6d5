"""Float models made int8 with ONNX Runtime's own quantizer, in the ways its users do."""

import logging
import pathlib
import tempfile

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Reader(CalibrationDataReader):
    """Feeds the calibration inputs one by one."""

    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def quantize(
    model, feeds, form=QuantFormat.QDQ, activations=QuantType.QUInt8, weights=QuantType.QInt8, per_channel=True, **options
):
    """The statically quantized model of `model`, calibrated on `feeds`."""
    with prepared(model) as (source, target):
        quantize_static(
            source, target, Reader(feeds), quant_format=form, per_channel=per_channel, activation_type=activations,
            weight_type=weights, **options,
        )
        return onnx.load(target)


def quantize_weights(model, **options):
    """The dynamically quantized model of `model`: activations get their scale while it runs."""
    with prepared(model) as (source, target):
        quantize_dynamic(source, target, weight_type=QuantType.QInt8, **options)
        return onnx.load(target)


class prepared:
    """Two files for the quantizer in a folder that goes: the model after ONNX Runtime's preparation, and the result."""

    def __init__(self, model):
        self.model = model
        self.folder = tempfile.TemporaryDirectory()

    def __enter__(self):
        logging.getLogger().setLevel(logging.ERROR)
        folder = pathlib.Path(self.folder.name)
        onnx.save(self.model, folder / "float.onnx")
        quant_pre_process(folder / "float.onnx", folder / "prepared.onnx", skip_symbolic_shape=True)
        return folder / "prepared.onnx", folder / "int8.onnx"

    def __exit__(self, *_):
        self.folder.cleanup()
