"""What was shown and heard, matched with what the agent answered.

A window counts for an entry when its sound began within SOUND_MS of the window's start and its picture stood throughout
PICTURE_MS around the window's centre, from which the agent takes its picture. Every other window straddles two entries
or lies outside them, and isn't counted. Times are what the players saw happen, not what they had planned.
"""

from dataclasses import dataclass

from scenario import ENTRY_MS

SOUND_MS = 60
PICTURE_MS = 60


class Missing(Exception):
    """Something that a check needs wasn't observed."""


@dataclass
class Shown:
    """One entry of a schedule with what really happened, in milliseconds of the board's CLOCK_MONOTONIC."""

    entry: object
    heard_ms: float
    seen_from_ms: float
    seen_until_ms: float

    def fills(self, window):
        centre_ms = (window["window_start_ms"] + window["window_end_ms"]) / 2
        stands = self.seen_from_ms + PICTURE_MS <= centre_ms <= self.seen_until_ms - PICTURE_MS
        return stands and abs(window["window_start_ms"] - self.heard_ms) <= SOUND_MS


def reading(value):
    """A figure as messages have it, bare or as {"value": …}; None where it wasn't measured."""
    if isinstance(value, dict):
        return None if "not_measured" in value else value.get("value", value)
    return value


class Observed:
    """One boot: the plan, what the guest told, what the broker was sent, and what it kept."""

    def __init__(self, plan, events, messages, retained):
        self.plan, self.events, self.messages, self.retained = plan, events, messages, retained
        self.live = [message for message in messages if message.is_about("live") and isinstance(message.payload, dict)]
        self.windows = [window for message in self.live for window in message.payload["predictions"]]

    def event(self, kind):
        """The first of a kind."""
        for event in self.events:
            if event["kind"] == kind:
                return event
        raise Missing(f"the board never told {kind}")

    def start_of(self, name):
        """When a schedule began."""
        for event in self.events:
            if event.get("name") == name:
                return event["start_ms"]
        raise Missing(f"schedule {name} was never played")

    def shown(self, name):
        """What became of each entry of a schedule."""
        told = self._told(name)
        pictures = [event for event in told if event["kind"] == "picture"]
        until = [event["at_ms"] for event in pictures[1:]] + [float("inf")]
        seen = {event["entry"]: (event["at_ms"], end) for event, end in zip(pictures, until)}
        heard = {event["entry"]: event["at_ms"] for event in told if event["kind"] == "sound"}
        both = [entry for entry in self.plan.schedules[name] if entry.number in seen and entry.number in heard]
        return [Shown(entry, heard[entry.number], *seen[entry.number]) for entry in both]

    def _told(self, name):
        """The events from a schedule's start to the next one's."""
        told, inside = [], False
        for event in self.events:
            if event["kind"] == "schedule":
                inside = event["name"] == name
            elif inside:
                told.append(event)
        if not told:
            raise Missing(f"schedule {name} was never played")
        return told

    def answered(self, part):
        """Entries of a part, each with the window that it fills."""
        pairs = [(shown.entry, window) for shown in self.shown("content") if shown.entry.part == part
                 for window in self.windows if shown.fills(window)]
        if not pairs:
            raise Missing(f"no window was filled by an entry of `{part}`")
        return pairs

    def periods(self, name, baseline, length):
        """The windows of the agent that watched a schedule, in periods after its baseline. Each window must have been told."""
        start_ms = self.start_of(name)
        windows = sorted((window for window in self.windows if window["window_start_ms"] >= start_ms), key=lambda each: each["window_start_ms"])
        starts = [window["window_start_ms"] for window in windows]
        if gaps := [late - early for early, late in zip(starts, starts[1:]) if abs(late - early - ENTRY_MS) > 10]:
            raise Missing(f"windows don't follow each other: {gaps} ms apart")
        return [windows[first:first + length] for first in range(baseline, len(windows) - length + 1, length)]

    def part_of(self, window, name):
        """The part of a schedule that a window lies in; None where it straddles two, or lies outside."""
        start_ms = self.start_of(name)
        parts = {entry.part for entry in self.plan.schedules[name]
                 if start_ms + entry.picture_ms < window["window_end_ms"] - PICTURE_MS
                 and start_ms + entry.picture_ms + entry.duration_ms > window["window_start_ms"] + PICTURE_MS}
        inside = window["window_end_ms"] <= start_ms + self.plan.schedules[name][-1].picture_ms + ENTRY_MS + PICTURE_MS
        return parts.pop() if len(parts) == 1 and inside else None

    def lives_between(self, first_ms, last_ms):
        """Payloads of live messages whose newest answer lies between two moments of the board."""
        return [message.payload for message in self.live if message.payload["predictions"]
                and first_ms <= message.payload["predictions"][-1]["window_end_ms"] <= last_ms]
