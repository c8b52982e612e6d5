"""Weights out of a PyTorch file (the format before zip archives), without PyTorch."""

import pickle
from collections import OrderedDict

import numpy as np

DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class Storage:
    """One flat run of numbers, filled after the pickles were read."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.values = None


class Tensor:
    """A view of a storage."""

    def __init__(self, storage, offset, shape, stride, *_):
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride

    def array(self):
        size = self.storage.dtype.itemsize
        strides = [step * size for step in self.stride]
        return np.lib.stride_tricks.as_strided(self.storage.values[self.offset :], self.shape, strides).copy()


class Unpickler(pickle.Unpickler):
    """Knows the few names that such a file holds, and refuses all others."""

    def __init__(self, file, storages):
        super().__init__(file)
        self.storages = storages

    def find_class(self, module, name):
        known = {("torch._utils", "_rebuild_tensor_v2"): Tensor, ("collections", "OrderedDict"): OrderedDict}
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if (module, name) in known:
            return known[module, name]
        raise pickle.UnpicklingError(f"{module}.{name} is not expected in a file of weights")

    def persistent_load(self, identity):
        _, dtype, key = identity[:3]
        return self.storages.setdefault(key, Storage(dtype))


def read_weights(path):
    """{name: array} of a state dictionary."""
    storages = {}
    with open(path, "rb") as file:
        for _ in ("magic number", "protocol version", "system"):
            pickle.load(file)
        tensors = Unpickler(file, storages).load()
        for key in pickle.load(file):
            count = int.from_bytes(file.read(8), "little")
            storage = storages[key]
            storage.values = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
    return {name: tensor.array() for name, tensor in tensors.items()}
