"""Frames that never come, or show what was before."""

STREAMS = ["dropped_frames", "frozen_frames"]


def shown(name, figures, count, random):
    """For each sample, the one whose picture is shown in its place; none for a lost frame. The stream is the samples in an order that is drawn."""
    order, draws, share = random.permutation(count), random.random(count), figures["share"]
    seen = [None] * count
    if name == "dropped_frames":
        for place, draw in zip(order, draws):
            seen[place] = None if draw < share else place
        return seen
    leave = 1 / figures["length"]
    enter = leave * share / (1 - share)
    frozen, last = False, order[0]
    for place, draw in zip(order, draws):
        last = last if frozen else place
        seen[place] = last
        frozen = draw >= leave if frozen else draw < enter
    return seen
