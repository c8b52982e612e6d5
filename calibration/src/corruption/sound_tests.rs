//! What rooms, channels and noises do to sounds that are easy to judge.

use edgeval_models::Sound;

use super::random::Random;
use super::sound_channel::{band_limited, clipped, drifted, packets_lost, quieter, reverberating};
use super::sound_noise::{babble, hum, pink, power};

const RATE: f64 = 16_000.0;

fn tone(frequency_hz: f64, length: usize) -> Vec<f32> {
    let angle = |index: usize| std::f64::consts::TAU * frequency_hz * index as f64 / RATE;
    (0..length).map(|index| (0.5 * libm::sin(angle(index))) as f32).collect()
}

/// The share of a sound's power at one frequency.
fn share_at(samples: &[f32], frequency_hz: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (index, &sample) in samples.iter().enumerate() {
        let angle = std::f64::consts::TAU * frequency_hz * index as f64 / RATE;
        real += f64::from(sample) * angle.cos();
        imaginary += f64::from(sample) * angle.sin();
    }
    let count = samples.len() as f64;
    2.0 * (real * real + imaginary * imaginary) / (count * count) / power(samples)
}

#[test]
fn a_band_is_let_through_without_delay() {
    for (frequency_hz, passes) in [(60.0, false), (1000.0, true), (2500.0, true), (5000.0, false)] {
        let sound = tone(frequency_hz, 8000);
        let heard = band_limited(&sound, RATE, 300.0, 3400.0);
        let middle = 2000..6000;
        let difference: Vec<f32> = heard.iter().zip(&sound).map(|(heard, sound)| heard - sound).collect();
        let kept = power(&heard[middle.clone()]) / power(&sound[middle.clone()]);
        if passes {
            assert!(power(&difference[middle]) < 1e-4 * power(&sound), "{frequency_hz} Hz changed");
        } else {
            assert!(kept < 0.05, "{frequency_hz} Hz kept {kept}");
        }
    }
}

#[test]
fn a_drifting_clock_moves_the_pitch() {
    for speed in [1.05, 1.002, 0.98] {
        let heard = drifted(&tone(1000.0, 16_000), speed);
        assert!(share_at(&heard[100..15_000], 1000.0 * speed) > 0.99, "{speed}");
    }
    let (sound, same) = (tone(440.0, 500), drifted(&tone(440.0, 500), 1.0));
    assert!(sound.iter().zip(&same).all(|(sound, same)| (sound - same).abs() < 1e-6));
}

#[test]
fn pink_noise_loses_ten_decibels_a_decade() {
    let noise = pink(1 << 16, &mut Random::seeded(3));
    // Mean power over a third of an octave.
    let density = |frequency_hz: f64| {
        let frequencies = (0..60).map(|step| frequency_hz * (1.0 + 0.25 * f64::from(step) / 60.0));
        frequencies.map(|frequency_hz| share_at(&noise, frequency_hz)).sum::<f64>() / 60.0
    };
    let fall = 10.0 * (density(50.0) / density(5000.0)).log10();
    assert!((fall - 20.0).abs() < 3.0, "{fall} dB over two decades");
}

#[test]
fn hum_is_the_mains() {
    let noise = hum(16_000, RATE, &mut Random::seeded(1));
    let fundamental = share_at(&noise, 50.0) + share_at(&noise, 60.0);
    // 1 over the sum of 1/n² for n from 1 to 8.
    assert!((fundamental - 0.6547).abs() < 0.01, "{fundamental}");
    assert!(hum(10, 0.0, &mut Random::seeded(1)).iter().all(|&sample| sample == 0.0));
}

#[test]
fn a_room_rings_on() {
    let mut click = vec![0.0; 16_000];
    click[0] = 0.5;
    let heard = reverberating(&click, RATE, 0.5, 0.0, &mut Random::seeded(2));
    let energy = |samples: &[f32]| power(samples) * samples.len() as f64;
    assert!((energy(&heard) / energy(&click) - 1.0).abs() < 1e-6, "power stays");
    let share = energy(&heard[..1]) / energy(&heard[1..]);
    assert!((share - 1.0).abs() < 1e-3, "direct over the rest: {share}");
    let fall = 10.0 * (energy(&heard[1..800]) / energy(&heard[4001..4800])).log10();
    assert!((fall - 30.0).abs() < 1.5, "60 dB in 0.5 s, and {fall} dB in a quarter");
}

#[test]
fn packets_are_lost_in_gaps() {
    let sound = vec![0.5; 160 * 20_000];
    let left = packets_lost(&sound, 160, 0.2, 3.0, &mut Random::seeded(9));
    let lost: Vec<bool> = left.chunks(160).map(|packet| packet.iter().all(|&sample| sample == 0.0)).collect();
    let share = lost.iter().filter(|lost| **lost).count() as f64 / lost.len() as f64;
    let gaps = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
    assert!((share - 0.2).abs() < 0.02, "{share}");
    assert!((share * lost.len() as f64 / gaps - 3.0).abs() < 0.2);
    assert!(left.chunks(160).all(|packet| packet.iter().all(|&sample| sample == packet[0])), "whole packets");
}

#[test]
fn levels() {
    let sound: Vec<f32> = (0..1000_u16).map(|index| f32::from(index) / 1000.0).collect();
    let cut = clipped(&sound, 0.1);
    assert_eq!(cut.iter().filter(|&&sample| sample == 0.9).count(), 100);
    assert_eq!(cut[..900], sound[..900]);
    let quiet = quieter(&sound, -20.0);
    assert!((quiet[500] - 0.05).abs() < 1.0 / 32_768.0 && quiet[500] * 32_768.0 % 1.0 == 0.0);
}

#[test]
fn babble_is_made_of_those_who_can_be_heard() {
    let sound = |sample_rate_hz, samples| Sound { sample_rate_hz, samples };
    let own = sound(16_000, vec![0.1; 50]);
    let (silent, other_rate) = (sound(16_000, vec![0.0; 9]), sound(8000, vec![0.3; 9]));
    let voice = sound(16_000, vec![0.2, -0.2, 0.2]);
    assert!(babble(&own, &[&silent, &other_rate], &mut Random::seeded(1)).is_err());
    let noise = babble(&own, &[&silent, &voice, &other_rate], &mut Random::seeded(1)).unwrap();
    assert!(noise.len() == 50 && noise.iter().all(|&sample| (sample.abs() - 1.0).abs() < 1e-6));
}
