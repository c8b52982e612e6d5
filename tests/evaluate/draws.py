"""The few draws of edgeval that Python has to share, so that both ask the same: whose pictures and sounds stand in for a sample's own, and in which
order samples are asked about."""

WORD = 2**64
OTHERS = 5


class Draws:
    """PCG XSL RR 128/64 (O'Neill 2014), seeded as Rust's rand does it."""

    def __init__(self, seed):
        words = []
        for _ in range(4):
            seed = (seed * 6364136223846793005 + 11634580027462260723) % WORD
            mixed = ((seed >> 18 ^ seed) >> 27) % 2**32
            words.append(turned(mixed, seed >> 59, 32))
        self.state = sum(word << 32 * place for place, word in enumerate(words)) | 1

    def next(self):
        self.state = self.state * 0x2360ED051FC65DA44385DF649FCCF645 % 2**128
        return turned((self.state >> 64 ^ self.state) % WORD, self.state >> 122, 64)

    def below(self, end):
        return self.next() * end >> 64

    def unit(self):
        return (self.next() >> 11) / 2**53

    def shuffle(self, values):
        for last in range(len(values) - 1, 0, -1):
            other = self.below(last + 1)
            values[last], values[other] = values[other], values[last]
        return values


def turned(word, bits, width):
    """A word of so many bits, turned to the right."""
    return (word >> bits | word << (width - bits)) % 2**width


def others(count, modalities, seed):
    """Of each modality, and each sample by its place: the samples that stand in for it, which follow it in an order that is drawn."""
    draws, found = Draws(seed), {}
    for modality in modalities:
        ring = draws.shuffle(list(range(count)))
        found[modality] = {place: [ring[(rank + distance) % count] for distance in range(1, OTHERS + 1)] for rank, place in enumerate(ring)}
    return found


def stratified(samples, seed):
    """The samples' places in an order of which every beginning has each label in its share."""
    strata = {}
    for place, sample in enumerate(samples):
        strata.setdefault(sample["label"], []).append(place)
    draws, ranked = Draws(seed), []
    for _, stratum in sorted(strata.items()):
        draws.shuffle(stratum)
        offset = draws.unit()
        ranked += [((rank + offset) / len(stratum), place) for rank, place in enumerate(stratum)]
    return [place for _, place in sorted(ranked)]
