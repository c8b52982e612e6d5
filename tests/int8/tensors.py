"""Files of tensors, as worker/src/tensor.rs has them: for each a line `name dtype d0,d1,…`, then its bytes."""

import numpy as np


def write(path, tensors):
    """Writes {name: array}."""
    with open(path, "wb") as file:
        for name, array in tensors.items():
            file.write(f"{name} {array.dtype.name} {','.join(map(str, array.shape))}\n".encode())
            file.write(np.ascontiguousarray(array).tobytes())


def read(path):
    """{name: array} of a file."""
    tensors = {}
    with open(path, "rb") as file:
        while header := file.readline():
            name, kind, shape = header.decode().rstrip("\n").split(" ")
            lengths = [int(length) for length in shape.split(",") if length]
            dtype = np.dtype(kind)
            bytes_read = file.read(int(np.prod(lengths)) * dtype.itemsize)
            tensors[name] = np.frombuffer(bytes_read, dtype).reshape(lengths)
    return tensors
