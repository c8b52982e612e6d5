//! How the sensors are, as messages have it.

use edgeval_wire as wire;
use wire::Reading;

use crate::capture::{CameraHealth, Health, MicrophoneHealth, SensorState, Skew};

const NO_CAPTURE: &str = "nothing is captured";
const NOT_ASKED: &str = "no such sensor is used";

/// How far picture and sound are apart.
#[must_use]
pub fn skew(health: Option<&Health>) -> Reading<wire::Skew> {
    match health.map(|health| &health.skew) {
        None => Reading::not_measured(NO_CAPTURE),
        Some(Skew::NotMeasured(reason)) => Reading::not_measured(reason),
        Some(&Skew::Measured { skew_us, uncertainty_us, pairs }) => {
            Reading::Value(wire::Skew { skew_us, uncertainty_us, pairs })
        }
    }
}

/// The camera.
#[must_use]
pub fn camera(health: Option<&Health>) -> Reading<wire::CameraHealth> {
    let Some(health) = health else { return Reading::not_measured(NO_CAPTURE) };
    Reading::or_reason(health.camera.as_ref().map(camera_to_wire), NOT_ASKED)
}

/// The microphone.
#[must_use]
pub fn microphone(health: Option<&Health>) -> Reading<wire::MicrophoneHealth> {
    let Some(health) = health else { return Reading::not_measured(NO_CAPTURE) };
    Reading::or_reason(health.microphone.as_ref().map(microphone_to_wire), NOT_ASKED)
}

fn camera_to_wire(camera: &CameraHealth) -> wire::CameraHealth {
    let (state, reason) = state(&camera.state);
    let arrival = "its frames are stamped on arrival, at an unknown time after they were taken";
    wire::CameraHealth {
        device: wire::text(&camera.device),
        format: wire::text(&camera.format),
        state,
        reason,
        frames: camera.frames,
        dropped: camera.dropped,
        damaged: camera.damaged,
        reconnects: camera.reconnects,
        clock_uncertainty_us: Reading::or_reason(camera.clock_uncertainty_us, arrival),
    }
}

fn microphone_to_wire(microphone: &MicrophoneHealth) -> wire::MicrophoneHealth {
    let (state, reason) = state(&microphone.state);
    wire::MicrophoneHealth {
        device: wire::text(&microphone.device),
        format: wire::text(&microphone.format),
        state,
        reason,
        frames: microphone.frames,
        overruns: microphone.overruns,
        frames_dropped: microphone.frames_dropped,
        gaps: microphone.gaps,
        reconnects: microphone.reconnects,
        clock_uncertainty_us: Reading::or_reason(microphone.clock_uncertainty_us, "too little was heard yet"),
    }
}

fn state(state: &SensorState) -> (wire::SensorState, Option<wire::Reason>) {
    match state {
        SensorState::Running => (wire::SensorState::Running, None),
        SensorState::Retrying(reason) => (wire::SensorState::Retrying, Some(wire::text(reason))),
    }
}
