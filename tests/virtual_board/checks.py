"""The checks: each takes what was observed and gives a verdict with the figure that it rests on."""

from dataclasses import dataclass
from statistics import mean, median

from observed import Missing, Observed, reading
from scenario import (AGREEING, BASELINE_WINDOWS, DISAGREEING, DRIFT_PARTS, DRIFT_SETTINGS, PARTS, PERIOD_WINDOWS, PICTURE_BLANK,
                      SKEWS_MS, SOUND_MUTED)

__all__ = ["ALL", "Missing", "Observed", "Verdict"]

FRAME_MS = 34.4  # 29.1 frames a second: what the driver makes of 30
# A loaded host makes the player late; the agent is held against what was played, which must still be what was meant.
PLAYED_WITHIN_MS = 2 * FRAME_MS
LEAST_COUNTED = 0.8
STOP_MS = 2000


@dataclass
class Verdict:
    """Whether a check passed, and on what figure."""

    passed: bool
    figure: str


def accuracy(observed, part, least):
    """Share of an entry's windows that are answered right; most entries must have one."""
    pairs = observed.answered(part)
    right = [window["label"] == (entry.seen or entry.heard) for entry, window in pairs]
    passed = mean(right) >= least and len(pairs) >= LEAST_COUNTED * PARTS[part]
    return passed, f"{sum(right)} of {len(pairs)} right ({mean(right):.3f}; at least {least}), {PARTS[part]} shown"


def of(pairs, key):
    values = [reading(window[key]) for _, window in pairs]
    if None in values:
        raise Missing(f"{key} of a window wasn't measured")
    return values


def audio_attention(pairs):
    weights = [reading(each["weight"]) for _, window in pairs for each in window["attention"] if each["modality"] == "audio"]
    if not weights or None in weights:
        raise Missing("attention on audio wasn't measured")
    return mean(weights)


def labelled_content(observed):
    """digits shown and spoken are answered right"""
    return Verdict(*accuracy(observed, AGREEING, 0.9))


def picture_blank(observed):
    """with the picture blank, sound alone answers, and attention moves to it"""
    passed, figure = accuracy(observed, PICTURE_BLANK, 0.8)
    before, after = (audio_attention(observed.answered(part)) for part in (AGREEING, PICTURE_BLANK))
    return Verdict(passed and after > before, f"{figure}; attention on audio {before:.3f} before, {after:.3f} then")


def sound_muted(observed):
    """with the sound muted, the picture alone answers"""
    return Verdict(*accuracy(observed, SOUND_MUTED, 0.9))


def disagreeing(observed):
    """a pair that disagrees has embeddings further apart, and lower confidence"""
    agree, contradict = observed.answered(AGREEING), observed.answered(DISAGREEING)
    near, far = of(agree, "embedding_distance"), of(contradict, "embedding_distance")
    area = mean(1.0 if b > a else 0.5 if a == b else 0.0 for a in near for b in far)
    sure, unsure = median(of(agree, "confidence")), median(of(contradict, "confidence"))
    figure = (f"distance {median(near):.3f} when they agree, {median(far):.3f} when not, AUC {area:.3f} (at least 0.9); "
              f"confidence {sure:.3f}, {unsure:.3f}")
    return Verdict(area >= 0.9 and unsure < sure and len(contradict) >= LEAST_COUNTED * PARTS[DISAGREEING], figure)


def skew(observed):
    """flash and beep at -200, 0 and +200 ms are found within a frame's time of what was played"""
    passed, figures = True, []
    for nominal_ms in SKEWS_MS:
        shown = observed.shown(f"skew{nominal_ms}")
        played_ms = median(each.heard_ms - each.seen_from_ms for each in shown)
        found = [found for live in lives_of_agent(observed, f"skew{nominal_ms}") if (found := reading(live["skew"]))]
        if not found:
            raise Missing(f"no skew was published at {nominal_ms} ms")
        found_ms = found[-1]["skew_us"] / 1e3
        passed &= abs(found_ms - played_ms) <= FRAME_MS and abs(played_ms - nominal_ms) <= PLAYED_WITHIN_MS
        figures.append(f"{nominal_ms:+d}: played {played_ms:+.1f}, found {found_ms:+.1f} ms ({found[-1]['pairs']} pairs)")
    return Verdict(passed, "; ".join(figures) + f"; a frame is {FRAME_MS} ms")


def lives_of_agent(observed, schedule):
    """What the agent said that watched a schedule."""
    start_ms = observed.start_of(schedule)
    stops = [event["at_ms"] for event in observed.events if event["kind"] == "agent_stopped" and event["at_ms"] > start_ms]
    if not stops:
        raise Missing("the agent never stopped")
    return observed.lives_between(start_ms, stops[0])


def camera_away(observed):
    """the camera goes and comes back; sound windows go on, the agent stays online and needs no restart"""
    gone_ms, back_ms = observed.event("camera_goes")["at_ms"], observed.event("camera_comes")["at_ms"]
    # A live message comes up to a second and a half after its newest window.
    away = observed.lives_between(gone_ms + 1500, back_ms - 1500)
    after = observed.lives_between(back_ms, observed.event("agent_stopped")["at_ms"])
    if not away or not after:
        raise Missing("no live message came while the camera was away, or after it")
    states = {reading(live["camera"])["state"] for live in away}
    lost, last = reading(away[-1]["camera"]), reading(after[-1]["camera"])
    frames = last["frames"] - lost["frames"]
    heard, expected = sound_windows(observed, gone_ms + 1000, back_ms)
    online = first_agent_said(observed) == ["online"]
    came_back = last["state"] == "running" and last["reconnects"] >= 1 and frames > 0
    figure = (f"{', '.join(states)} ({lost['reason']}), then {last['state']}, {last['reconnects']} reconnect(s), {frames} frames "
              f"more; {heard} windows of sound alone (about {expected:.0f} expected); {'' if online else 'not '}online throughout")
    return Verdict(states == {"retrying"} and came_back and online and heard > expected - 2, figure)


def sound_windows(observed, first_ms, last_ms):
    """Windows answered within a span of time, and how many fit into it."""
    inside = [window for window in observed.windows if first_ms <= window["window_start_ms"] and window["window_end_ms"] <= last_ms]
    return len(inside), (last_ms - first_ms - 1000) / 1000


def first_agent_said(observed):
    """What the first agent said of itself, up to its stop."""
    said = [message.payload for message in observed.messages if message.is_about("availability")]
    return said[:said.index("stopped")] if "stopped" in said else said


def clean_stop(observed):
    """SIGTERM ends the agent within 2 s, and `stopped` is retained"""
    stops = [event for event in observed.events if event["kind"] == "agent_stopped"]
    if not stops:
        raise Missing("the agent never stopped")
    kept = [message.payload for message in observed.retained if message.is_about("availability")]
    slowest = max(stop["took_ms"] for stop in stops)
    statuses = {stop["status"] for stop in stops}
    figure = (f"{len(stops)} stop(s), slowest {slowest} ms, exit status {', '.join(map(str, statuses))}, "
              f"retained: {', '.join(map(str, kept))}")
    return Verdict(slowest <= STOP_MS and statuses == {0} and kept == ["stopped"], figure)


def drift(observed):
    """drift is silent while digits are shown and spoken, loud with the picture blank and with the sound muted"""
    reports = [message.payload["body"]["drift"] for message in observed.messages if message.is_about("report/drift")]
    found = {part: [] for part in DRIFT_PARTS}
    for report, windows in zip(reports, observed.periods("drift", BASELINE_WINDOWS, PERIOD_WINDOWS)):
        parts = {observed.part_of(window, "drift") for window in windows}
        if len(parts) == 1 and None not in parts:
            found[parts.pop()].append(reading(report["p_value"]))
    if not all(found.values()) or None in sum(found.values(), []):
        raise Missing(f"no whole period of one of the parts was reported: {found}")
    rate = DRIFT_SETTINGS["FALSE_ALARM_RATE"]
    loud = {part: all(p <= rate for p in values) for part, values in found.items()}
    silent = all(p > rate for p in found[AGREEING])
    figures = "; ".join(f"{part}: p {', '.join(f'{p:.3f}' for p in values)}" for part, values in found.items())
    return Verdict(silent and loud[PICTURE_BLANK] and loud[SOUND_MUTED], f"{figures}; an alarm at {rate}")


ALL = {"a": labelled_content, "b": picture_blank, "c": sound_muted, "d": disagreeing, "e": skew, "f": camera_away, "g": clean_stop, "h": drift}
