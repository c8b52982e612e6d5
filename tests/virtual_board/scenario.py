"""What happens inside the virtual board: what is shown and heard when, and the script that makes it happen."""

import json
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

SEED = 20
ENTRY_MS = 1000
AGREEING, PICTURE_BLANK, SOUND_MUTED, DISAGREEING = "agreeing", "picture blank", "sound muted", "disagreeing"
PARTS = {AGREEING: 30, PICTURE_BLANK: 12, SOUND_MUTED: 12, DISAGREEING: 16}
SKEWS_MS = (-200, 0, 200)
# Windows of the baseline, and of each period that is held against it. A part of twice a period holds a whole one, however they lie.
BASELINE_WINDOWS, PERIOD_WINDOWS = 24, 12
# Nothing is heard or seen before the players begin; the agent comes so many entries later.
BEFORE_AGENT = 3
DRIFT_PARTS = {AGREEING: BEFORE_AGENT + BASELINE_WINDOWS + 2 * PERIOD_WINDOWS, PICTURE_BLANK: 2 * PERIOD_WINDOWS,
               SOUND_MUTED: 2 * PERIOD_WINDOWS}
# One false alarm in 500 periods: two without any change are looked at in each run.
DRIFT_SETTINGS = {"WHEN": "always", "BASELINE_WINDOWS": BASELINE_WINDOWS, "WINDOWS": PERIOD_WINDOWS, "BLOCK_WINDOWS": 2,
                  "FALSE_ALARM_RATE": 0.002}
FLASHES = 8
FLASH_MS = 150
CAMERA_ENTRIES = 13


@dataclass
class Entry:
    """One picture with one sound; times in milliseconds from the schedule's start. Labels are None for black and silence."""

    number: int
    part: str
    picture_ms: float
    picture: str
    seen: str | None
    sound_ms: float
    sound: str
    heard: str | None
    duration_ms: float

    def line(self):
        return f"{self.number} {self.picture_ms} {self.picture} {self.sound_ms} {self.sound} {self.duration_ms}\n"


@dataclass
class Scenario:
    """Schedules by name, and the guest's script."""

    schedules: dict[str, list[Entry]] = field(default_factory=dict)
    script: list[str] = field(default_factory=lambda: [". /board/guest.sh", "set_up_camera"])


def add_drift(scenario, samples, chance):
    """An agent that has seen no other schedule watches for drift; the players begin before it."""
    entries = []
    for part, count in DRIFT_PARTS.items():
        entries += digits(samples, part, len(entries), count, chance)
    scenario.schedules["drift"] = entries
    settings = " ".join(f"EDGEVAL_DRIFT__{name}={value}" for name, value in DRIFT_SETTINGS.items())
    scenario.script += [f"export {settings}", "start_players drift", f"pass {2 + BEFORE_AGENT}", "start_agent", "wait_for_players",
                        "pass 2", "stop_agent"]


def digits(samples, part, first, count, chance):
    """`count` entries of a part, every label equally often, in random order; `first` numbers the first."""
    labels = sorted({sample["label"] for sample in samples})
    wanted = [labels[n % len(labels)] for n in range(count)]
    chance.shuffle(wanted)
    for n, label in enumerate(wanted):
        other = chance.choice([each for each in labels if each != label]) if part == DISAGREEING else label
        seen = chance.choice([sample for sample in samples if sample["label"] == label])
        heard = chance.choice([sample for sample in samples if sample["label"] == other])
        picture, sound = f"/board/set/{seen['image']}", f"/board/set/{heard['audio']}"
        if part == PICTURE_BLANK:
            picture, label = "black", None
        if part == SOUND_MUTED:
            sound, other = "silence", None
        time_ms = (first + n) * ENTRY_MS
        yield Entry(first + n, part, time_ms, picture, label, time_ms, sound, other, ENTRY_MS)


def flashes(skew_ms, chance):
    """Flashes and beeps at irregular intervals; the beep comes `skew_ms` after its flash."""
    time_ms = 700
    for number in range(FLASHES):
        time_ms += chance.uniform(600, 1000)
        yield Entry(number, f"skew {skew_ms}", time_ms, "white", None, time_ms + skew_ms, "beep", None, FLASH_MS)


def add_content(scenario, samples, parts, chance):
    entries = []
    for part in parts:
        entries += digits(samples, part, len(entries), PARTS[part], chance)
    scenario.schedules["content"] = entries
    scenario.script += ["tell_load", "start_players content", "wait_for_players", "tell_load"]


def add_camera_away(scenario, samples, chance):
    scenario.schedules["camera"] = list(digits(samples, AGREEING, 0, CAMERA_ENTRIES, chance))
    scenario.script += ["start_players camera", "pass 4", "take_camera_away", "pass 5", "bring_camera_back",
                        "start_pictures camera", "wait_for_players"]


def add_skew(scenario, skew_ms, chance):
    name = f"skew{skew_ms}"
    scenario.schedules[name] = list(flashes(skew_ms, chance))
    # The agent looks back a minute: each skew gets an agent of its own.
    scenario.script += ["start_agent", f"start_players {name}", "wait_for_players", "pass 1.2", "stop_agent"]


def build(samples, checks):
    """The scenario that the checks (letters) need. `samples` are those of the reference set's test split."""
    chance = random.Random(SEED)
    scenario = Scenario()
    parts = [part for part, letters in ((AGREEING, "abd"), (PICTURE_BLANK, "b"), (SOUND_MUTED, "c"), (DISAGREEING, "d"))
             if set(letters) & checks]
    if parts or {"f", "g"} & checks:
        scenario.script.append("start_agent")
        if parts:
            add_content(scenario, samples, parts, chance)
        if "f" in checks:
            add_camera_away(scenario, samples, chance)
        scenario.script.append("stop_agent")
    for skew_ms in SKEWS_MS if "e" in checks else ():
        add_skew(scenario, skew_ms, chance)
    if "h" in checks:
        add_drift(scenario, samples, chance)
    return scenario


def read_samples(reference_set):
    """The test split's samples that have picture and sound."""
    with open(reference_set / "samples.jsonl", encoding="utf-8") as lines:
        samples = [json.loads(line) for line in lines]
    return [sample for sample in samples if sample["split"] == "test" and "image" in sample and "audio" in sample]


def write_small_set(reference_set, folder, samples):
    """The first samples of a reference set as a set of their own, as Hugging Face's folders have it."""
    lines = (reference_set / "samples.jsonl").read_text(encoding="utf-8").splitlines()[:samples]
    folder.mkdir()
    with open(folder / "metadata.jsonl", "w", encoding="utf-8") as out:
        for sample in map(json.loads, lines):
            out.write(json.dumps({"file_name": sample["image"], "audio_file_name": sample["audio"], "label": sample["label"]}) + "\n")
            for path in (sample["image"], sample["audio"]):
                (folder / path).parent.mkdir(exist_ok=True)
                shutil.copy(reference_set / path, folder / path)


def write(scenario, folder, reference_set, model, agent_configuration):
    """Fills the folder that becomes /board in the guest."""
    here = Path(__file__).parent
    folder.mkdir()
    shutil.copy(here / "guest.sh", folder)
    shutil.copytree(model, folder / "model")
    (folder / "agent.toml").write_text(agent_configuration)
    (folder / "main.sh").write_text("\n".join(scenario.script) + "\n")
    for name, entries in scenario.schedules.items():
        (folder / name).write_text("".join(entry.line() for entry in entries))
        for path in {path for entry in entries for path in (entry.picture, entry.sound) if path.startswith("/board/set/")}:
            kept = folder / "set" / path.removeprefix("/board/set/")
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(reference_set / path.removeprefix("/board/set/"), kept)
