//! Plays a schedule to the virtual board: pictures to the video output that is looped to the camera, sounds to the
//! playback side of the loopback card. Both keep to CLOCK_MONOTONIC and say on standard output, a JSON object a line,
//! what was truly shown and heard when.
//!
//! Usage: `player picture|sound SCHEDULE START_MS`. START_MS is where the schedule's time 0 lies on CLOCK_MONOTONIC.

mod clock;
mod picture;
mod schedule;
mod screen;
mod sound;
mod speaker;

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, path, start_ms] = arguments.as_slice() else {
        bail!("usage: player picture|sound SCHEDULE START_MS");
    };
    let start_ms: f64 = start_ms.parse().with_context(|| format!("START_MS is a number, not `{start_ms}`"))?;
    let entries = schedule::read(path)?;
    match what.as_str() {
        "picture" => screen::play(&entries, start_ms),
        "sound" => speaker::play(&entries, start_ms),
        _ => bail!("`{what}` is neither picture nor sound"),
    }
}
