use super::super::SensorState;
use super::*;

fn needs(picture: bool, sound: Option<u32>) -> Needs {
    Needs { picture, sound_sample_rate_hz: sound, window_ms: 1000 }
}

fn absent() -> Options {
    Options {
        camera: camera::Options { device: Some("/dev/no-such-camera".to_owned()), ..camera::Options::default() },
        microphone: microphone::Options { device: Some("plughw:CARD=77,DEV=0".to_owned()), ..Default::default() },
        hop_ms: 50,
        grace_ms: 0,
        ..Options::default()
    }
}

#[test]
fn without_any_sensor_there_is_no_window_and_health_says_why() {
    let mut live = Live::start(&absent(), &Needs { window_ms: 50, ..needs(true, Some(16_000)) }).unwrap();
    let deadline = Moment::now().shifted(10_000_000_000);
    let is_told = |live: &Live| {
        let health = live.health();
        let said =
            |state: SensorState, word: &str| matches!(state, SensorState::Retrying(reason) if reason.contains(word));
        said(health.camera.unwrap().state, "no-such-camera") && said(health.microphone.unwrap().state, "CARD=77")
    };
    while !(is_told(&live) && live.health().windows_empty > 2) {
        assert!(matches!(live.next(Duration::from_millis(50)), Next::Nothing));
        assert!(Moment::now() < deadline, "{:?}", live.health());
    }
    assert!(matches!(live.health().skew, Skew::NotMeasured(_)));
}

#[test]
fn numbers_out_of_range_are_named() {
    let refused = |options: &Options| Live::start(options, &needs(true, None)).err().unwrap().to_string();
    assert!(refused(&Options { hop_ms: 0, ..absent() }).contains("`capture.hop_ms` is 0; it must be from 20 to 60000"));
    let mut options = absent();
    options.camera.width = 100_000;
    assert!(refused(&options).contains("capture.camera.width"));
    assert!(Live::start(&absent(), &needs(false, None)).is_err());
}

mod alsa;
