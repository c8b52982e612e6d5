//! How fast single layers run: `cargo run -p edgeval-int8 --no-default-features --example layers`.
//!
//! Prints, for layers of well-known networks and for every instruction set of this processor, the median time of a
//! convolution and its multiply-accumulates a second. With the words KERNELS LAYER RUNS it only runs one layer so many
//! times, so that its instructions can be counted.

use std::time::Instant;

use edgeval_int8::graph::{ChannelAxis, Convolution, Window};
use edgeval_int8::kernels::Kernels;
use edgeval_int8::kernels::convolution::{Destination, Geometry, PackedConvolution};
use edgeval_int8::quantization::FULL;
use edgeval_int8::threads::Threads;

/// Name, input size, channels in and out, kernel, stride, groups.
type Layer = (&'static str, usize, [usize; 2], usize, usize, usize);

const LAYERS: [Layer; 12] = [
    ("first 3x3x3->32 s2", 224, [3, 32], 3, 2, 1),
    ("pointwise 112 32->64", 112, [32, 64], 1, 1, 1),
    ("pointwise 56 128->128", 56, [128, 128], 1, 1, 1),
    ("pointwise 28 256->256", 28, [256, 256], 1, 1, 1),
    ("pointwise 14 512->512", 14, [512, 512], 1, 1, 1),
    ("pointwise 7 1024->1024", 7, [1024, 1024], 1, 1, 1),
    ("3x3 56 64->64", 56, [64, 64], 3, 1, 1),
    ("3x3 14 256->256", 14, [256, 256], 3, 1, 1),
    ("3x3 7 512->512", 7, [512, 512], 3, 1, 1),
    ("depthwise 112 32", 112, [32, 32], 3, 1, 32),
    ("depthwise 14 512", 14, [512, 512], 3, 1, 512),
    ("vector 1024->1000", 1, [1024, 1000], 1, 1, 1),
];

/// Why something can't be measured, in words.
type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words[..] {
        [kernels, layer, runs] => repeat(kernels, layer, runs.parse()?),
        _ => time_all(&Threads::new(words.first().map_or(Ok(1), |count| count.parse())?)?),
    }
}

/// For an emulator that counts instructions.
fn repeat(kernels: &str, layer: &str, runs: usize) -> Result<(), Failed> {
    let kernels = Kernels::available().into_iter().find(|each| each.name() == kernels).ok_or("no such kernels here")?;
    let layer = LAYERS.iter().find(|each| each.0 == layer).ok_or("no such layer")?;
    let (_, macs) = times(kernels, *layer, &Threads::one(), runs)?;
    println!("{macs}");
    Ok(())
}

fn time_all(threads: &Threads) -> Result<(), Failed> {
    for kernels in Kernels::available() {
        for layer in LAYERS {
            let runs = if kernels.name() == "plain" { 3 } else { 60 };
            let (times, macs) = times(kernels, layer, threads, runs)?;
            let microseconds = times[times.len() / 2];
            println!(
                "{:12} {:24} {microseconds:9.1} us {:7.1} GMAC/s",
                kernels.name(),
                layer.0,
                macs / microseconds / 1e3
            );
        }
    }
    Ok(())
}

/// Sorted times of so many runs, and the layer's multiplications.
fn times(
    kernels: &'static Kernels,
    (_, size, channels, kernel, stride, groups): Layer,
    threads: &Threads,
    runs: usize,
) -> Result<(Vec<f64>, f64), Failed> {
    let pad = kernel / 2;
    let window = Window {
        kernel: [kernel; 2],
        stride: [stride; 2],
        dilation: [1; 2],
        pad_before: [pad; 2],
        pad_after: [pad; 2],
    };
    let output_size = window.output_size([size; 2]).ok_or("the window is larger than the input")?;
    let depth = kernel * kernel * channels[0] / groups;
    let convolution = Convolution {
        layout: ChannelAxis::Second,
        window,
        groups,
        output_channels: channels[1],
        weights: weights(depth * channels[1]),
        weight_zero_points: Vec::new(),
        bias: vec![100; channels[1]],
        multipliers: vec![0.001; channels[1]],
        bounds: FULL,
    };
    let geometry = Geometry {
        batch: 1,
        input_size: [size; 2],
        input_channels: channels[0],
        output_size,
        output_channels: channels[1],
        window,
        groups,
        input_pitch: channels[0],
        output_pitch: channels[1],
    };
    let packed = PackedConvolution::new(kernels, geometry, &convolution);
    let input: Vec<u8> = (0..size * size * channels[0]).map(|place| (place * 31) as u8).collect();
    let mut output = vec![0; output_size[0] * output_size[1] * channels[1]];
    let lines = packed.scratch_bytes(threads.count()).div_ceil(8) + 8;
    let mut scratch = vec![[0_u64; 8]; lines.div_ceil(8) + 8];
    let scratch: &mut [u8] = bytemuck::cast_slice_mut(&mut scratch);
    let aligned = scratch.as_ptr().align_offset(64);
    let mut once = || {
        let started = Instant::now();
        let destination = Destination::Bytes { zero_point: 3, bytes: &mut output };
        threads.run(|| packed.run(&input, 7, destination, &mut scratch[aligned..], threads));
        started.elapsed().as_secs_f64() * 1e6
    };
    let macs = (depth * channels[1] * output_size[0] * output_size[1]) as f64;
    let mut times: Vec<f64> = (0..runs).map(|_| once()).collect();
    times.sort_by(f64::total_cmp);
    Ok((times, macs))
}

/// Weights as they are in networks: near a normal distribution, the largest near 127.
fn weights(count: usize) -> std::sync::Arc<[i8]> {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    // Twelve uniform numbers sum to a variance of 1.
    (0..count).map(|_| ((0..12).map(|_| uniform()).sum::<f64>() * 38.0).round() as i8).collect()
}
