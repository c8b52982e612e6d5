"""The network, written once against a small set of operations: JAX trains it, graph.py writes it as ONNX.

Shapes leave the batch out: `ops.reshape(x, (16, 64))` keeps the batch in front.
"""

import numpy as np

from features import BANDS, FRAMES

WIDTH = 64          # channels of every token
HEADS = 4
EMBEDDING = 32      # size of the shared space
LAYERS = 2
IMAGE_TOKENS = 16
AUDIO_TOKENS = 25
CLASSES = 10

SHAPES = {
    "image.conv1": (16, 1, 3, 3), "image.conv2": (32, 16, 3, 3), "image.conv3": (48, 32, 3, 3),
    "image.conv4": (WIDTH, 48, 3, 3), "image.global": (IMAGE_TOKENS * WIDTH, WIDTH),
    "image.context": (WIDTH, WIDTH), "image.embed": (WIDTH, EMBEDDING),
    "audio.conv1": (16, 1, 3, 3), "audio.conv2": (32, 16, 3, 3), "audio.conv3": (32, 32, 3, 3),
    "audio.input": (32 * 5, WIDTH), "audio.embed": (WIDTH, EMBEDDING),
    "fusion.query_image": (WIDTH, WIDTH), "fusion.query_audio": (WIDTH, WIDTH),
    "fusion.key_image": (WIDTH, WIDTH), "fusion.key_audio": (WIDTH, WIDTH),
    "fusion.value_image": (WIDTH, WIDTH), "fusion.value_audio": (WIDTH, WIDTH),
    "fusion.output": (WIDTH, WIDTH), "fusion.up": (WIDTH, 2 * WIDTH), "fusion.down": (2 * WIDTH, WIDTH),
    "fusion.logits": (WIDTH, CLASSES),
}
for _layer in range(LAYERS):
    for _name in ("query", "key", "value", "output"):
        SHAPES[f"audio.{_layer}.{_name}"] = (WIDTH, WIDTH)
    SHAPES[f"audio.{_layer}.up"] = (WIDTH, 2 * WIDTH)
    SHAPES[f"audio.{_layer}.down"] = (2 * WIDTH, WIDTH)

CONSTANTS = {"image.position": (IMAGE_TOKENS, WIDTH), "audio.position": (AUDIO_TOKENS, WIDTH), "audio.level": (1, WIDTH)}
PROTOTYPES = "prototypes"   # class directions of the shared space; training only


def initial_parameters(seed):
    """He-initialised weights, zero biases, unit scales, as a dict of float32 arrays."""
    rng = np.random.default_rng(seed)
    parameters = {}
    for name, shape in SHAPES.items():
        fan_in = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]
        gain = 2.0 if "conv" in name or name.endswith((".up", "global")) else 1.0
        parameters[name + ".weight"] = rng.normal(0, np.sqrt(gain / fan_in), shape)
        parameters[name + ".bias"] = np.zeros(shape[0] if len(shape) == 4 else shape[1])
    for name, shape in CONSTANTS.items():
        parameters[name] = rng.normal(0, 0.1, shape)
    for name in norm_names():
        parameters[name + ".scale"], parameters[name + ".shift"] = np.ones(WIDTH), np.zeros(WIDTH)
    parameters[PROTOTYPES] = rng.normal(0, 1, (EMBEDDING, CLASSES))
    return {name: value.astype(np.float32) for name, value in parameters.items()}


def norm_names():
    """Where a layer normalisation stands."""
    inside = [f"audio.{layer}.{part}" for layer in range(LAYERS) for part in ("norm1", "norm2")]
    return inside + ["audio.norm", "image.norm"]


def forward(ops, image, audio):
    """image [1,28,28], audio [97,40] -> logits [10], image and audio embedding [32], attention [2]."""
    image_tokens, image_summary = encode_image(ops, image)
    audio_tokens, audio_summary = encode_audio(ops, audio)
    logits, attention = fuse(ops, image_tokens, image_summary, audio_tokens, audio_summary)
    return {
        "logits": logits,
        "image_embedding": embed(ops, "image.embed", image_summary),
        "audio_embedding": embed(ops, "audio.embed", audio_summary),
        "attention": attention,
    }


def encode_image(ops, image):
    """A CNN down to 4 x 4 tokens; their summary is added to each, so that every token knows the whole picture."""
    x = ops.relu(ops.conv("image.conv1", image, stride=(1, 1), padding=(1, 1)))
    x = ops.relu(ops.conv("image.conv2", x, stride=(2, 2), padding=(1, 1)))
    x = ops.relu(ops.conv("image.conv3", x, stride=(2, 2), padding=(1, 1)))
    x = ops.relu(ops.conv("image.conv4", x, stride=(2, 2), padding=(1, 1)))
    summary = ops.relu(ops.linear("image.global", ops.reshape(x, (1, IMAGE_TOKENS * WIDTH))))
    tokens = ops.transpose(ops.reshape(x, (WIDTH, IMAGE_TOKENS)), (1, 0))
    tokens = ops.add(ops.add(tokens, ops.constant("image.position")), ops.linear("image.context", summary))
    return layer_norm(ops, "image.norm", tokens), summary


def encode_audio(ops, audio):
    """Level taken out and kept apart, a convolutional stem, then a pre-norm transformer over 40 ms tokens."""
    level = ops.reduce_max(ops.reduce_mean(audio, axis=2), axis=1)               # [1, 1]: the loudest frame
    shape = ops.reshape(ops.scale(ops.subtract(audio, level), 0.25), (1, FRAMES, BANDS))
    x = ops.relu(ops.conv("audio.conv1", shape, stride=(2, 2), padding=(1, 1)))
    x = ops.relu(ops.conv("audio.conv2", x, stride=(2, 2), padding=(1, 1)))
    x = ops.relu(ops.conv("audio.conv3", x, stride=(1, 2), padding=(1, 1)))
    x = ops.reshape(ops.transpose(x, (1, 0, 2)), (AUDIO_TOKENS, 32 * 5))
    loudness = ops.multiply(ops.scale(ops.shift(level, 8.0), 0.25), ops.constant("audio.level"))
    x = ops.add(ops.add(ops.linear("audio.input", x), ops.constant("audio.position")), loudness)
    for layer in range(LAYERS):
        x = transformer_layer(ops, f"audio.{layer}", x)
    tokens = layer_norm(ops, "audio.norm", x)
    return tokens, ops.reduce_mean(tokens, axis=1)


def transformer_layer(ops, name, x):
    """Pre-norm self-attention and a two-layer perceptron, each with its residual."""
    y = layer_norm(ops, name + ".norm1", x)
    query, key, value = (ops.linear(f"{name}.{part}", y) for part in ("query", "key", "value"))
    mixed, _ = attend(ops, query, key, value, 1 * AUDIO_TOKENS, AUDIO_TOKENS)
    x = ops.add(x, ops.linear(name + ".output", mixed))
    y = ops.relu(ops.linear(name + ".up", layer_norm(ops, name + ".norm2", x)))
    return ops.add(x, ops.linear(name + ".down", y))


def attend(ops, query, key, value, queries, keys):
    """Multi-head attention. Returns the mixed values [queries, width] and the weights [heads, queries, keys]."""
    size = WIDTH // HEADS
    query = ops.transpose(ops.reshape(query, (queries, HEADS, size)), (1, 0, 2))
    key = ops.transpose(ops.reshape(key, (keys, HEADS, size)), (1, 2, 0))
    value = ops.transpose(ops.reshape(value, (keys, HEADS, size)), (1, 0, 2))
    weights = ops.softmax(ops.scale(ops.matmul(query, key), size**-0.5))
    mixed = ops.transpose(ops.matmul(weights, value), (1, 0, 2))
    return ops.reshape(mixed, (queries, WIDTH)), weights


def fuse(ops, image_tokens, image_summary, audio_tokens, audio_summary):
    """One query, made from both sides, attends over all tokens; a side's attention is the share its tokens get."""
    query = ops.add(ops.linear("fusion.query_image", image_summary), ops.linear("fusion.query_audio", audio_summary))
    key = ops.concat(ops.linear("fusion.key_image", image_tokens), ops.linear("fusion.key_audio", audio_tokens), axis=1)
    value = ops.concat(ops.linear("fusion.value_image", image_tokens), ops.linear("fusion.value_audio", audio_tokens), axis=1)
    mixed, weights = attend(ops, query, key, value, 1, IMAGE_TOKENS + AUDIO_TOKENS)
    fused = ops.linear("fusion.output", mixed)
    fused = ops.add(fused, ops.linear("fusion.down", ops.relu(ops.linear("fusion.up", fused))))
    logits = ops.reshape(ops.linear("fusion.logits", fused), (CLASSES,))
    shares = ops.matmul(ops.reshape(ops.reduce_mean(weights, axis=1), (1, IMAGE_TOKENS + AUDIO_TOKENS)), ops.literal("sides", sides()))
    return logits, ops.reshape(shares, (2,))


def sides():
    """[tokens, 2]: 1 where a token belongs to the side."""
    table = np.zeros((IMAGE_TOKENS + AUDIO_TOKENS, 2), np.float32)
    table[:IMAGE_TOKENS, 0] = 1
    table[IMAGE_TOKENS:, 1] = 1
    return table


def embed(ops, name, summary):
    """A summary as a unit vector of the shared space."""
    vector = ops.reshape(ops.linear(name, summary), (EMBEDDING,))
    length = ops.sqrt(ops.shift(ops.scale(ops.reduce_mean(ops.multiply(vector, vector), axis=1), EMBEDDING), 1e-6))
    return ops.divide(vector, length)


def layer_norm(ops, name, x):
    """Layer normalisation over the channels, from plain operations."""
    centred = ops.subtract(x, ops.reduce_mean(x, axis=2))
    deviation = ops.sqrt(ops.shift(ops.reduce_mean(ops.multiply(centred, centred), axis=2), 1e-5))
    return ops.add(ops.multiply(ops.divide(centred, deviation), ops.constant(name + ".scale")), ops.constant(name + ".shift"))
