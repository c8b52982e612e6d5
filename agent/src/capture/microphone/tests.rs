use super::*;

fn range(channels: u16, low: u32, high: u32, format: SampleFormat) -> SupportedStreamConfigRange {
    SupportedStreamConfigRange::new(channels, low, high, SupportedBufferSize::Range { min: 64, max: 4096 }, format)
}

#[test]
fn few_channels_a_usual_rate_and_fine_samples_are_chosen() {
    let offered = [
        range(2, 8000, 192_000, SampleFormat::I16),
        range(1, 8000, 8000, SampleFormat::F32),
        range(1, 8000, 48_000, SampleFormat::I16),
        range(1, 8000, 48_000, SampleFormat::I32),
    ];
    let chosen = choose(&offered, &Options::default()).unwrap();
    assert_eq!((chosen.channels(), chosen.sample_format()), (1, SampleFormat::I32));
    assert_eq!(choose_rate(&chosen, None), 48_000);
    let stereo = Options { channels: Some(2), sample_rate_hz: Some(96_000), ..Options::default() };
    assert_eq!(choose(&offered, &stereo).unwrap().channels(), 2);
    assert!(choose(&offered, &Options { sample_rate_hz: Some(384_000), ..Options::default() }).is_none());
}

#[test]
fn an_odd_card_gets_its_best_rate() {
    assert_eq!(choose_rate(&range(1, 11_025, 22_050, SampleFormat::U8), None), 22_050);
}

#[test]
fn bit_streams_are_refused_with_what_there_is() {
    let offered = [range(2, 352_800, 352_800, SampleFormat::DsdU32)];
    assert!(choose(&offered, &Options::default()).is_none());
    let error = refuse("hw:1", &offered, &Options::default()).to_string();
    assert!(error.contains("hw:1") && error.contains("352800"), "{error}");
}

#[test]
fn a_callback_brings_what_the_card_allows() {
    assert_eq!(callback_size(&range(1, 8000, 48_000, SampleFormat::I16), 48_000), BufferSize::Fixed(960));
    assert_eq!(callback_size(&range(1, 8000, 192_000, SampleFormat::I16), 768_000), BufferSize::Fixed(4096));
}

#[test]
fn a_microphone_that_is_away_is_said_and_does_not_keep_us_from_stopping() {
    let stop = Arc::new(AtomicBool::new(false));
    let options = Options { device: Some("plughw:CARD=77,DEV=0".to_owned()), ..Options::default() };
    let microphone = start(&options, Arc::clone(&stop)).unwrap();
    let deadline = Moment::now().shifted(10_000_000_000);
    let said = || matches!(microphone.shared.health().state, crate::capture::SensorState::Retrying(reason) if reason.contains("CARD=77"));
    while !said() && Moment::now() < deadline {
        std::thread::yield_now();
    }
    assert!(said(), "{:?}", microphone.shared.health());
    stop.store(true, Ordering::Relaxed);
    microphone.thread.join().unwrap();
}

#[test]
fn formats_of_the_same_kind_share_a_line() {
    let offered = [
        range(1, 8000, 48_000, SampleFormat::I16),
        range(2, 8000, 96_000, SampleFormat::I16),
        range(1, 8000, 48_000, SampleFormat::F32),
        range(2, 8000, 96_000, SampleFormat::F32),
        range(1, 8000, 8000, SampleFormat::U8),
    ];
    assert_eq!(summary(&offered), ["i16, f32: 1 to 2 channel(s), 8000 to 96000 Hz", "u8: 1 channel(s), 8000 Hz"]);
}
