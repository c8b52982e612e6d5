"""The checks fail when they should. Run: python3 -m unittest discover --start-directory tests/virtual_board"""

import unittest

import checks
from broker import Message
from observed import Observed
from scenario import AGREEING, BASELINE_WINDOWS, PERIOD_WINDOWS, PICTURE_BLANK, SOUND_MUTED, Entry, Scenario

START_MS = 10_000
COUNT = 30


def value(number):
    return {"value": number}


def window(number, label):
    start_ms = START_MS + 1000 * number
    weights = [{"modality": modality, "weight": value(0.5)} for modality in ("image", "audio")]
    return {"window_start_ms": start_ms, "window_end_ms": start_ms + 1000, "label": label, "confidence": value(0.9),
            "embedding_distance": value(0.1), "attention": weights}


def observed(labels, heard_late_ms=0, seen_late_ms=0):
    """A board that showed COUNT ones, and answered `labels`."""
    plan, events = Scenario(), [{"kind": "schedule", "at_ms": START_MS, "name": "content", "start_ms": START_MS}]
    plan.schedules["content"] = []
    for number in range(COUNT):
        at_ms = 1000 * number
        plan.schedules["content"].append(Entry(number, AGREEING, at_ms, "1.png", "one", at_ms, "1.flac", "one", 1000))
        events.append({"kind": "picture", "entry": number, "at_ms": START_MS + at_ms + seen_late_ms})
        events.append({"kind": "sound", "entry": number, "at_ms": START_MS + at_ms + heard_late_ms})
    windows = [window(number, label) for number, label in enumerate(labels)]
    live = Message(0.0, False, "edgeval/1/test/virtual-board/live", {"predictions": windows})
    return Observed(plan, events, [live], [])


class LabelledContent(unittest.TestCase):
    def verdict(self, *arguments, **named):
        return checks.labelled_content(observed(*arguments, **named)).passed

    def test_right_answers_pass_and_wrong_ones_fail(self):
        self.assertTrue(self.verdict(["one"] * COUNT))
        self.assertTrue(self.verdict(["one"] * 27 + ["two"] * 3))
        self.assertFalse(self.verdict(["one"] * 26 + ["two"] * 4))

    def test_too_few_windows_fail(self):
        self.assertFalse(self.verdict(["one"] * 20))

    def test_a_window_that_straddles_two_entries_is_not_counted(self):
        for late in ({"heard_late_ms": 200}, {"seen_late_ms": 450}):
            with self.assertRaises(checks.Missing):
                self.verdict(["one"] * COUNT, **late)


class Stop(unittest.TestCase):
    def verdict(self, took_ms, status, retained):
        seen = observed(["one"] * COUNT)
        seen.events.append({"kind": "agent_stopped", "at_ms": 90_000, "took_ms": took_ms, "status": status})
        seen.retained = [Message(0.0, True, "edgeval/1/test/virtual-board/availability", retained)]
        return checks.clean_stop(seen).passed

    def test_a_slow_or_failed_or_unannounced_stop_fails(self):
        self.assertTrue(self.verdict(300, 0, "stopped"))
        self.assertFalse(self.verdict(2500, 0, "stopped"))
        self.assertFalse(self.verdict(300, 1, "stopped"))
        self.assertFalse(self.verdict(300, 0, "offline"))


class Drift(unittest.TestCase):
    def verdict(self, p_values, missing=()):
        """A board that reported these p-values, period by period: two of each part, after the baseline."""
        plan, windows = Scenario(), []
        parts = [AGREEING] * (BASELINE_WINDOWS + 2 * PERIOD_WINDOWS) + [PICTURE_BLANK] * 2 * PERIOD_WINDOWS + [SOUND_MUTED] * 2 * PERIOD_WINDOWS
        plan.schedules["drift"] = [Entry(number, part, 1000 * number, "1.png", "one", 1000 * number, "1.flac", "one", 1000)
                                   for number, part in enumerate(parts)]
        windows = [window(number, "one") for number in range(len(parts)) if number not in missing]
        messages = [Message(0.0, False, "edgeval/1/test/virtual-board/live", {"predictions": windows})]
        messages += [Message(0.0, False, "edgeval/1/test/virtual-board/report/drift", {"body": {"drift": {"p_value": value(p)}}}) for p in p_values]
        events = [{"kind": "schedule", "at_ms": START_MS, "name": "drift", "start_ms": START_MS}]
        return checks.drift(Observed(plan, events, messages, [])).passed

    def test_silence_is_for_the_same_and_alarms_are_for_what_changed(self):
        self.assertTrue(self.verdict([0.3, 0.9, 0.001, 0.001, 0.002, 0.001]))
        self.assertFalse(self.verdict([0.3, 0.001, 0.001, 0.001, 0.001, 0.001]))
        self.assertFalse(self.verdict([0.3, 0.9, 0.2, 0.001, 0.001, 0.001]))
        self.assertFalse(self.verdict([0.3, 0.9, 0.001, 0.001, 0.001, 0.01]))

    def test_a_part_without_a_report_or_a_window_that_lacks_is_not_measured(self):
        for arguments in ([[0.3, 0.9, 0.001, 0.001]], [[0.3, 0.9, 0.001, 0.001, 0.001, 0.001], {30}]):
            with self.assertRaises(checks.Missing):
                self.verdict(*arguments)


if __name__ == "__main__":
    unittest.main()
