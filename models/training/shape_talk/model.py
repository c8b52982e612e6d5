"""The network, written once against backend.py's operations: JAX trains it, export.py writes it as two ONNX graphs.

encode: a CNN looks at the picture, a CNN and a transformer listen, a GRU reads both ways. What they found lies in one
memory of 144 tokens; a question made of text and sound attends over it, and what it found is the decoder's first state.
decode: one token on, a GRU cell that attends over the memory. Shapes leave the batch out.
"""

import numpy as np

from features import BANDS
from model import layer_norm
from shape_talk.hearing import FRAMES
from shape_talk.questions import COLOURS, LANGUAGES, QUESTIONS
from shape_talk.questions import SHAPES as SHAPES_SEEN
from shape_talk.tokens import MAX_TOKENS, VOCABULARY

WIDTH = 96            # channels of every token
HEADS = 4
STATE = 160           # of the decoder
READER = 64           # of the GRU that reads, each way
LAYERS = 2
IMAGE_TOKENS = 16
AUDIO_TOKENS = 80
TOKENS = IMAGE_TOKENS + AUDIO_TOKENS + MAX_TOKENS
SIDES = ("image", "audio", "text")
HIDDEN = -1e4         # added to the attention of padding

SHAPES = {
    "image.conv1": (16, 3, 3, 3), "image.conv2": (32, 16, 3, 3), "image.conv3": (48, 32, 3, 3), "image.conv4": (WIDTH, 48, 3, 3),
    "image.global": (IMAGE_TOKENS * WIDTH, WIDTH), "image.context": (WIDTH, WIDTH),
    "audio.conv1": (16, 1, 3, 3), "audio.conv2": (24, 16, 3, 3), "audio.conv3": (24, 24, 3, 3), "audio.conv4": (WIDTH, 24, 5, 5),
    "audio.conv5": (WIDTH, WIDTH, 7, 1),
    "text.tokens": (2 * READER, WIDTH),
    "fusion.question_audio": (WIDTH, WIDTH), "fusion.question_text": (WIDTH, WIDTH),
    "fusion.query": (WIDTH, WIDTH), "memory.keys": (WIDTH, WIDTH), "memory.values": (WIDTH, WIDTH),
    "fusion.match_question": (WIDTH, WIDTH), "fusion.match_image": (WIDTH, WIDTH), "fusion.match": (WIDTH, 256),
    "fusion.up": (3 * WIDTH, 256), "fusion.middle": (256, 256), "fusion.state": (256, STATE),
    "decoder.query": (WIDTH + STATE, WIDTH), "decoder.update": (2 * WIDTH + STATE, STATE), "decoder.reset": (2 * WIDTH + STATE, STATE),
    "decoder.fresh": (2 * WIDTH, STATE), "decoder.kept": (STATE, STATE),
    "decoder.up": (STATE + WIDTH, 128), "decoder.logits": (128, VOCABULARY),
}
for _layer in range(LAYERS):
    for _name in ("query", "key", "value", "output"):
        SHAPES[f"audio.{_layer}.{_name}"] = (WIDTH, WIDTH)
    SHAPES[f"audio.{_layer}.up"] = (WIDTH, 2 * WIDTH)
    SHAPES[f"audio.{_layer}.down"] = (2 * WIDTH, WIDTH)

CONSTANTS = {
    "image.position": (IMAGE_TOKENS, WIDTH), "audio.position": (AUDIO_TOKENS, WIDTH), "audio.level": (1, WIDTH),
    "text.embedding": (VOCABULARY, WIDTH), "decoder.embedding": (VOCABULARY, WIDTH),
}
RECURRENT = {"inward": (2, 3 * READER, WIDTH), "across": (2, 3 * READER, READER), "biases": (2, 6 * READER)}

# Heads that only training has: which of the questions was heard, in which language, by which sounds; what is to be seen;
# what is asked about, and whether it is there.
PHONES = 64
SPELT = 2             # sounds that may be told of each audio token, as they last from 30 ms
TRAINING = {
    "training.shape": (WIDTH, len(SHAPES_SEEN)), "training.colour": (WIDTH, len(COLOURS)),
    "training.question": (WIDTH, len(QUESTIONS)), "training.language": (WIDTH, len(LANGUAGES)),
    "training.phones": (WIDTH, SPELT * PHONES),
    "training.about": (WIDTH, len(SHAPES_SEEN + COLOURS) + 1), "training.there": (256, 2),
}


def initial_parameters(seed):
    """He-initialised weights, zero biases, unit scales, as a dict of float32 arrays."""
    rng = np.random.default_rng(seed)
    parameters = {}
    for name, shape in (SHAPES | TRAINING).items():
        fan_in = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]
        gain = 2.0 if "conv" in name or name.endswith((".up", "global", "middle")) else 1.0
        parameters[name + ".weight"] = rng.normal(0, np.sqrt(gain / fan_in), shape)
        parameters[name + ".bias"] = np.zeros(shape[0] if len(shape) == 4 else shape[1])
    for name, shape in CONSTANTS.items():
        parameters[name] = rng.normal(0, 0.5 if "embedding" in name else 0.1, shape)
    for name, shape in RECURRENT.items():
        parameters["text.gru." + name] = rng.uniform(-1, 1, shape) / np.sqrt(READER) * (name != "biases")
    for name in norm_names():
        parameters[name + ".scale"], parameters[name + ".shift"] = np.ones(WIDTH), np.zeros(WIDTH)
    return {name: value.astype(np.float32) for name, value in parameters.items()}


def norm_names():
    """Where a layer normalisation stands."""
    return [f"audio.{layer}.{part}" for layer in range(LAYERS) for part in ("norm1", "norm2")] + [f"{side}.norm" for side in SIDES]


def encode(ops, image, audio, text):
    """image [3, 64, 64], audio [318, 40], ids [48] -> what the decoder takes, and the sides' shares of attention [3]."""
    return fuse(ops, encode_image(ops, image), encode_audio(ops, audio), encode_text(ops, text))


def encode_image(ops, image):
    """A CNN down to 4 x 4 tokens, each of which knows the summary of the whole picture. (tokens, summary)"""
    x = ops.relu(ops.conv("image.conv1", image, stride=(2, 2), padding=(1, 1)))
    x = ops.relu(ops.conv("image.conv2", x, stride=(2, 2), padding=(1, 1)))
    x = ops.relu(ops.conv("image.conv3", x, stride=(2, 2), padding=(1, 1)))
    x = ops.relu(ops.conv("image.conv4", x, stride=(2, 2), padding=(1, 1)))
    summary = ops.relu(ops.linear("image.global", ops.reshape(x, (1, IMAGE_TOKENS * WIDTH))))
    tokens = ops.transpose(ops.reshape(x, (WIDTH, IMAGE_TOKENS)), (1, 0))
    tokens = ops.add(ops.add(tokens, ops.constant("image.position")), ops.linear("image.context", summary))
    return layer_norm(ops, "image.norm", tokens), summary


def encode_audio(ops, audio):
    """Level taken out and kept apart, a convolutional stem, a pre-norm transformer over 50 ms tokens. (tokens, summary)"""
    level = ops.reduce_max(ops.reduce_mean(audio, axis=2), axis=1)               # [1, 1]: the loudest frame
    shape = ops.reshape(ops.scale(ops.subtract(audio, level), 0.25), (1, FRAMES, BANDS))
    x = ops.relu(ops.conv("audio.conv1", shape, stride=(2, 2), padding=(1, 1)))
    x = ops.relu(ops.conv("audio.conv2", x, stride=(2, 2), padding=(1, 1)))
    x = ops.relu(ops.conv("audio.conv3", x, stride=(1, 2), padding=(1, 1)))
    x = ops.conv("audio.conv4", x, stride=(1, 1), padding=(2, 0))
    x = ops.add(x, ops.conv("audio.conv5", ops.relu(x), stride=(1, 1), padding=(3, 0)))     # half a second: a short word
    x = ops.transpose(ops.reshape(x, (WIDTH, AUDIO_TOKENS)), (1, 0))
    loudness = ops.multiply(ops.scale(ops.shift(level, 8.0), 0.25), ops.constant("audio.level"))
    x = ops.add(ops.add(x, ops.constant("audio.position")), loudness)
    for layer in range(LAYERS):
        x = transformer_layer(ops, f"audio.{layer}", x)
    tokens = layer_norm(ops, "audio.norm", x)
    return tokens, ops.reduce_mean(tokens, axis=1)


def encode_text(ops, ids):
    """A GRU in both directions over the words; padding weighs nothing. (tokens, summary, attention's bias [1, 48])"""
    there = ops.padding(ids)
    tokens = layer_norm(ops, "text.norm", ops.linear("text.tokens", ops.gru("text.gru", ops.embed("text.embedding", ids))))
    tokens = ops.multiply(tokens, there)
    summary = ops.divide(ops.reduce_mean(tokens, axis=1), ops.shift(ops.reduce_mean(there, axis=1), 1e-3))
    bias = ops.transpose(ops.scale(ops.shift(there, -1.0), -HIDDEN), (1, 0))
    return tokens, summary, bias


def transformer_layer(ops, name, x):
    """Pre-norm self-attention and a two-layer perceptron, each with its residual."""
    y = layer_norm(ops, name + ".norm1", x)
    query, key, value = (ops.linear(f"{name}.{part}", y) for part in ("query", "key", "value"))
    mixed, _ = attend(ops, query, split_keys(ops, key, AUDIO_TOKENS), split_values(ops, value, AUDIO_TOKENS), AUDIO_TOKENS)
    x = ops.add(x, ops.linear(name + ".output", mixed))
    y = ops.relu(ops.linear(name + ".up", layer_norm(ops, name + ".norm2", x)))
    return ops.add(x, ops.linear(name + ".down", y))


def split_keys(ops, key, keys):
    """[keys, width] -> [heads, width of a head, keys]."""
    return ops.transpose(ops.reshape(key, (keys, HEADS, WIDTH // HEADS)), (1, 2, 0))


def split_values(ops, value, keys):
    """[keys, width] -> [heads, keys, width of a head]."""
    return ops.transpose(ops.reshape(value, (keys, HEADS, WIDTH // HEADS)), (1, 0, 2))


def attend(ops, query, key, value, queries, bias=None):
    """Multi-head attention over split keys and values; bias [1, keys] is added before softmax. (mixed, weights)"""
    query = ops.transpose(ops.reshape(query, (queries, HEADS, WIDTH // HEADS)), (1, 0, 2))
    scores = ops.scale(ops.matmul(query, key), (WIDTH // HEADS) ** -0.5)
    if bias is not None:
        scores = ops.add(scores, ops.reshape(bias, (1, 1, TOKENS)))
    weights = ops.softmax(scores)
    mixed = ops.transpose(ops.matmul(weights, value), (1, 0, 2))
    return ops.reshape(mixed, (queries, WIDTH)), weights


def fuse(ops, image, audio, text):
    """The memory, and what a question made of sound and text finds in it: the decoder's first state."""
    tokens = ops.concat(ops.concat(image[0], audio[0], axis=1), text[0], axis=1)
    keys = split_keys(ops, ops.linear("memory.keys", tokens), TOKENS)
    values = split_values(ops, ops.linear("memory.values", tokens), TOKENS)
    heard = ops.literal("nothing_hidden", np.zeros((1, 1, IMAGE_TOKENS + AUDIO_TOKENS), np.float32))
    bias = ops.concat(ops.add(ops.scale(ops.reduce_mean(text[2], axis=2), 0.0), heard), text[2], axis=2)
    question = ops.relu(ops.add(ops.linear("fusion.question_audio", audio[1]), ops.linear("fusion.question_text", text[1])))
    mixed, weights = attend(ops, ops.linear("fusion.query", question), keys, values, 1, bias)
    found = ops.concat(ops.concat(mixed, question, axis=2), image[1], axis=2)
    # Does what is asked about match what is to be seen? Products answer that at once.
    match = ops.multiply(ops.linear("fusion.match_question", question), ops.linear("fusion.match_image", image[1]))
    found = ops.relu(ops.add(ops.linear("fusion.up", found), ops.linear("fusion.match", match)))
    found = ops.relu(ops.linear("fusion.middle", found))
    shares = ops.matmul(ops.reshape(ops.reduce_mean(weights, axis=1), (1, TOKENS)), ops.literal("sides", sides()))
    return {                                     # the last two for training
        "state": ops.tanh(ops.linear("fusion.state", found)), "memory_keys": keys, "memory_values": values, "memory_bias": bias,
        "attention": ops.reshape(shares, (len(SIDES),)), "question": question, "found": found,
    }


def sides():
    """[tokens, 3]: 1 where a token belongs to the side."""
    table = np.zeros((TOKENS, len(SIDES)), np.float32)
    edges = [0, IMAGE_TOKENS, IMAGE_TOKENS + AUDIO_TOKENS, TOKENS]
    for side in range(len(SIDES)):
        table[edges[side]: edges[side + 1], side] = 1
    return table


def decode(ops, token, state, keys, values, bias):
    """One token on: the last token [1], state [1, 160], the memory -> (logits [vocabulary], state)."""
    word = ops.embed("decoder.embedding", token)
    query = ops.linear("decoder.query", ops.concat(word, state, axis=2))
    context, _ = attend(ops, query, keys, values, 1, bias)
    seen = ops.concat(word, context, axis=2)
    both = ops.concat(seen, state, axis=2)
    update, reset = ops.sigmoid(ops.linear("decoder.update", both)), ops.sigmoid(ops.linear("decoder.reset", both))
    fresh = ops.tanh(ops.add(ops.linear("decoder.fresh", seen), ops.multiply(reset, ops.linear("decoder.kept", state))))
    state = ops.add(fresh, ops.multiply(update, ops.subtract(state, fresh)))
    logits = ops.linear("decoder.logits", ops.relu(ops.linear("decoder.up", ops.concat(state, context, axis=2))))
    return ops.reshape(logits, (VOCABULARY,)), state
