//! From the sound callback to the microphone's thread: two queues without locks.
//!
//! The callback allocates nothing and takes no lock. Samples go through one queue, a stamp for each callback through the
//! other. When there is no room, the newest samples are refused and the next stamp says how many: the gap has a place
//! in time, and every sample keeps its number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use heapless::spsc::{Consumer, Producer, Queue};

use super::mono;
use crate::clock::Moment;

/// Samples that the ring holds and one more: 1.4 s at 48 kHz, 0.3 s at 192 kHz.
const SAMPLES: usize = 1 << 16;
/// Stamps that the ring holds and one more.
const STAMPS: usize = 1 << 10;

/// What a callback brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Sample frames that were refused since the callback before.
    pub refused: u64,
    /// Sample frames that went into the ring.
    pub kept: usize,
    /// When the first of them was captured, in nanoseconds of the sound card's clock.
    pub captured_ns: i64,
    /// CLOCK_MONOTONIC in the callback.
    pub arrived: Moment,
}

/// The callback's ends of the queues, and what it can count without a lock.
struct Ends {
    samples: Producer<'static, f32>,
    stamps: Producer<'static, Stamp>,
}

/// The thread's ends of the queues.
pub struct Ring {
    samples: Consumer<'static, f32>,
    stamps: Consumer<'static, Stamp>,
    /// The callback's ends, while no callback has them.
    returned: Receiver<Ends>,
    give_back: Sender<Ends>,
    overruns: Arc<AtomicU64>,
}

/// Lives in the callback. When the stream is dropped, so is this, and the ends of the queues go back for the next one.
pub struct Writer {
    ends: Option<Ends>,
    give_back: Sender<Ends>,
    refused: u64,
    overruns: Arc<AtomicU64>,
}

impl Ring {
    /// Allocates the queues, once for the life of the process: a callback may outlive whoever started it. `overruns`
    /// counts the times that they had no room.
    #[must_use]
    pub fn new(overruns: Arc<AtomicU64>) -> Self {
        let (sample_end, samples) = Box::leak(Box::new(Queue::<f32, SAMPLES>::new())).split();
        let (stamp_end, stamps) = Box::leak(Box::new(Queue::<Stamp, STAMPS>::new())).split();
        let (give_back, returned) = bounded(1);
        // The channel is empty and holds one.
        let _ = give_back.try_send(Ends { samples: sample_end, stamps: stamp_end });
        Self { samples, stamps, returned, give_back, overruns }
    }

    /// A writer for a new stream, with empty queues. `None` while the last stream still has the ends.
    pub fn writer(&mut self) -> Option<Writer> {
        let ends = self.returned.try_recv().ok()?;
        while self.samples.dequeue().is_some() {}
        while self.stamps.dequeue().is_some() {}
        let overruns = Arc::clone(&self.overruns);
        Some(Writer { ends: Some(ends), give_back: self.give_back.clone(), refused: 0, overruns })
    }

    /// The next callback's stamp; its samples are appended to `samples`.
    pub fn read(&mut self, samples: &mut Vec<f32>) -> Option<Stamp> {
        let stamp = self.stamps.dequeue()?;
        samples.extend((0..stamp.kept).map_while(|_| self.samples.dequeue()));
        Some(stamp)
    }
}

impl Writer {
    /// One callback: `data` holds sample frames of `channels` samples, the first captured at `captured_ns`.
    pub fn write(&mut self, data: &cpal::Data, channels: usize, captured_ns: i64, arrived: Moment) {
        let frames = data.len() / channels.max(1);
        let fits = self.begin(frames);
        let Some(ends) = &mut self.ends else { return };
        let mut kept = 0;
        mono::for_each_frame(data, channels, |sample| {
            if kept < fits && ends.samples.enqueue(sample).is_ok() {
                kept += 1;
            }
        });
        self.finish(frames, kept, captured_ns, arrived);
    }

    /// How many of `frames` sample frames there is room for.
    fn begin(&self, frames: usize) -> usize {
        self.ends
            .as_ref()
            .filter(|ends| ends.stamps.ready())
            .map_or(0, |ends| frames.min(ends.samples.capacity() - ends.samples.len()))
    }

    fn finish(&mut self, frames: usize, kept: usize, captured_ns: i64, arrived: Moment) {
        let stamp = Stamp { refused: self.refused, kept, captured_ns, arrived };
        if self.ends.as_mut().is_some_and(|ends| kept > 0 && ends.stamps.enqueue(stamp).is_ok()) {
            self.refused = 0;
        }
        let refused = (frames - kept) as u64;
        self.refused += refused;
        self.overruns.fetch_add(u64::from(refused > 0), Ordering::Relaxed);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(ends) = self.ends.take() {
            // The channel holds one, and there is one.
            let _ = self.give_back.try_send(ends);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a callback does, without cpal's buffer.
    fn write(writer: &mut Writer, first: usize, frames: usize) {
        let fits = writer.begin(frames);
        let ends = writer.ends.as_mut().unwrap();
        for number in first..first + fits {
            ends.samples.enqueue(number as f32).unwrap();
        }
        writer.finish(frames, fits, first as i64, Moment::default());
    }

    #[test]
    fn what_is_refused_leaves_a_gap_of_known_length() {
        let mut ring = Ring::new(Arc::default());
        let mut writer = ring.writer().unwrap();
        let mut written = 0;
        for frames in [40_000, 40_000, 100, 50] {
            write(&mut writer, written, frames);
            written += frames;
        }
        let mut number = 0u64;
        let mut samples = Vec::new();
        while let Some(stamp) = ring.read(&mut samples) {
            number += stamp.refused;
            assert_eq!(stamp.captured_ns, number as i64);
            assert!(samples.drain(..).enumerate().all(|(offset, sample)| sample == (number + offset as u64) as f32));
            number += stamp.kept as u64;
        }
        assert_eq!((number, ring.overruns.load(Ordering::Relaxed)), (65_535, 3));
        write(&mut writer, written, 10);
        let stamp = ring.read(&mut samples).unwrap();
        assert_eq!((number + stamp.refused, stamp.captured_ns), (written as u64, written as i64));
    }

    #[test]
    fn the_queues_come_back_when_a_stream_goes() {
        let mut ring = Ring::new(Arc::default());
        let mut writer = ring.writer().unwrap();
        assert!(ring.writer().is_none());
        write(&mut writer, 0, 10);
        drop(writer);
        assert!(ring.writer().is_some());
        assert_eq!(ring.read(&mut Vec::new()), None);
    }

    #[test]
    fn nothing_is_mixed_up_between_two_threads() {
        let mut ring = Ring::new(Arc::default());
        let mut writer = ring.writer().unwrap();
        let sender = std::thread::spawn(move || (0..2000).for_each(|round| write(&mut writer, round * 480, 480)));
        let (mut number, mut samples) = (0u64, Vec::new());
        loop {
            let ended = sender.is_finished();
            while let Some(stamp) = ring.read(&mut samples) {
                number += stamp.refused;
                assert!(
                    samples.drain(..).enumerate().all(|(offset, sample)| sample == (number + offset as u64) as f32)
                );
                number += stamp.kept as u64;
            }
            if ended {
                break;
            }
        }
        sender.join().unwrap();
        assert!(number > 0 && number <= 960_000);
    }
}
