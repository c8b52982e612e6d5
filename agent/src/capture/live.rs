//! Windows from camera and microphone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, never, select};
use edgeval_models::{Picture, Window};

use super::camera::{self, Camera, Light, RawFrame};
use super::error::CaptureError;
use super::listener::Listener;
use super::microphone::{self, Chunk, Microphone};
use super::picker::Picked;
use super::pixel;
use super::skew::{Skew, SkewDetector};
use super::status::join;
use super::windower::{Due, Grid, Windower};
use super::{CapturedWindow, Health, Needs, Next, Options, SkewMode, WindowSource};
use crate::clock::Moment;

/// How long a sensor's thread may take to end; a camera that delivers nothing takes two seconds.
const LONGEST_END: Duration = Duration::from_secs(3);
/// How often the grid is looked at while nothing comes.
const LOOK: Duration = Duration::from_millis(20);

/// Both sensors, and what makes windows of what they deliver.
pub struct Live {
    grid: Grid,
    windower: Windower<RawFrame>,
    camera: Option<Camera>,
    microphone: Option<Microphone>,
    frames: Receiver<Picked<RawFrame>>,
    lights: Receiver<Light>,
    chunks: Receiver<Chunk>,
    listener: Option<Listener>,
    skew: Option<SkewDetector>,
    empty: u64,
    stop: Arc<AtomicBool>,
}

impl Live {
    /// Starts the threads of the sensors that the model needs. Neither has to be there.
    ///
    /// # Errors
    /// When a number is out of range, the model needs neither sensor, or no thread can be started.
    pub fn start(options: &Options, needs: &Needs) -> Result<Self, CaptureError> {
        check(options, needs)?;
        let grid = Grid::new(options.hop_ms, needs.window_ms);
        let stop = Arc::new(AtomicBool::new(false));
        let wants = (needs.picture, needs.sound_sample_rate_hz.is_some());
        let start_camera = || camera::start(&options.camera, grid, options.skew, Arc::clone(&stop));
        let camera = wants.0.then(start_camera).transpose()?;
        let microphone = wants.1.then(|| microphone::start(&options.microphone, Arc::clone(&stop))).transpose()?;
        let measures_skew = wants == (true, true) && options.skew != SkewMode::Off;
        Ok(Self {
            grid,
            windower: Windower::new(grid, options.grace_ms, wants, Moment::now()),
            frames: camera.as_ref().map_or_else(never, |camera| camera.frames.clone()),
            lights: camera.as_ref().map_or_else(never, |camera| camera.lights.clone()),
            chunks: microphone.as_ref().map_or_else(never, |microphone| microphone.chunks.clone()),
            camera,
            microphone,
            listener: needs
                .sound_sample_rate_hz
                .map(|rate_hz| Listener::new(rate_hz, grid.window_ns(), options.grace_ms)),
            skew: measures_skew.then(SkewDetector::new),
            empty: 0,
            stop,
        })
    }

    /// Takes what has come.
    fn fetch(&mut self) {
        for picture in self.frames.try_iter() {
            self.windower.add_picture(picture);
        }
        for (stamp, light) in self.lights.try_iter() {
            if let Some(skew) = &mut self.skew {
                skew.see(stamp, light);
            }
        }
        while let Ok(chunk) = self.chunks.try_recv() {
            self.hear(&chunk);
        }
    }

    fn hear(&mut self, chunk: &Chunk) {
        let Some(listener) = &mut self.listener else { return };
        let skew = &mut self.skew;
        listener.hear(chunk, |start, loudness| {
            if let Some(skew) = skew {
                skew.hear(start, loudness);
            }
        });
        self.windower.sound_reaches(listener.reaches());
    }

    /// Waits until something comes or `limit` is over.
    fn wait(&mut self, limit: Duration) {
        select! {
            recv(self.frames) -> picture => if let Ok(picture) = picture { self.windower.add_picture(picture) },
            recv(self.chunks) -> chunk => match chunk {
                Ok(chunk) => self.hear(&chunk),
                // Its thread failed; there is nothing to wake us, so wait as long.
                Err(_) => std::thread::sleep(limit),
            },
            default(limit) => {}
        }
    }

    /// The window, and what making it took. None when no sensor had anything.
    fn make(&mut self, due: Due<RawFrame>) -> Option<CapturedWindow> {
        let began = Moment::now();
        let (start, end, centre) =
            (self.grid.start(due.number), self.grid.end(due.number), self.grid.centre(due.number));
        let stamp = due.picture.as_ref().map(|picture| picture.stamp);
        let image = due.picture.and_then(|picture| self.decode(&picture.frame));
        let audio = self.listener.as_mut().and_then(|listener| listener.piece(start));
        if image.is_none() && audio.is_none() {
            self.empty += 1;
            return None;
        }
        let offset = |stamp: Moment| stamp.nanoseconds_since(centre) / 1000;
        let image_offset_us = image.as_ref().and(stamp).map(offset);
        let window = Window { image, audio, ..Window::default() };
        Some(CapturedWindow { window, start, end, capture: Moment::now().since(began), image_offset_us, truth: None })
    }

    fn decode(&self, frame: &RawFrame) -> Option<Picture> {
        let picture = pixel::decode(&frame.layout, &frame.bytes);
        if let (Err(error), Some(camera)) = (&picture, &self.camera) {
            tracing::debug!("a frame is left out: {error}");
            camera.shared.damaged.fetch_add(1, Ordering::Relaxed);
        }
        picture.ok()
    }

    fn skew(&self) -> Skew {
        let none = |why: &str| Skew::NotMeasured(why.to_owned());
        let (Some(camera), Some(microphone)) = (&self.camera, &self.microphone) else {
            return none("it takes a picture and sound, and the model needs only one of them");
        };
        let Some(detector) = &self.skew else { return none("`capture.skew` is off") };
        let (camera, microphone) = (camera.shared.health(), microphone.shared.health());
        if detector.has_seen_nothing() && camera.format.starts_with("MJPG") {
            return none("MJPG frames aren't decoded for it; set `capture.skew` to \"always\"");
        }
        match (camera.clock_uncertainty_us, microphone.clock_uncertainty_us) {
            (Some(of_camera), Some(of_microphone)) => detector.skew(of_camera + of_microphone),
            (None, _) => none("the camera's frames are stamped on arrival, or it hasn't delivered yet"),
            (_, None) => none("the microphone's clock isn't known yet"),
        }
    }
}

impl WindowSource for Live {
    fn next(&mut self, timeout: Duration) -> Next {
        let began = Moment::now();
        loop {
            self.fetch();
            while let Some(due) = self.windower.poll(Moment::now()) {
                if let Some(window) = self.make(due) {
                    return Next::Window(Box::new(window));
                }
            }
            let left = timeout.saturating_sub(Moment::now().since(began));
            if left.is_zero() {
                return Next::Nothing;
            }
            self.wait(left.min(LOOK));
        }
    }

    fn health(&self) -> Health {
        Health {
            camera: self.camera.as_ref().map(|camera| camera.shared.health()),
            microphone: self.microphone.as_ref().map(|microphone| microphone.shared.health()),
            skew: self.skew(),
            windows_skipped: self.windower.skipped(),
            windows_empty: self.empty,
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let threads = [
            self.camera.take().map(|camera| camera.thread),
            self.microphone.take().map(|microphone| microphone.thread),
        ];
        threads.into_iter().flatten().for_each(|thread| join(thread, LONGEST_END));
    }
}

fn check(options: &Options, needs: &Needs) -> Result<(), CaptureError> {
    if !needs.picture && needs.sound_sample_rate_hz.is_none() {
        return Err(CaptureError::NothingToCapture);
    }
    let camera = &options.camera;
    let ranges = [
        ("hop_ms", options.hop_ms, 20, 60_000),
        ("grace_ms", options.grace_ms, 0, 10_000),
        ("camera.width", camera.width, 1, 8192),
        ("camera.height", camera.height, 1, 8192),
        ("camera.frame_rate_hz", camera.frame_rate_hz, 1, 1000),
        ("camera.time_out_s", camera.time_out_s, 1, 3600),
        ("microphone.sample_rate_hz", options.microphone.sample_rate_hz.unwrap_or(48_000), 1000, 768_000),
        ("microphone.channels", u32::from(options.microphone.channels.unwrap_or(1)), 1, 64),
    ];
    let outside = ranges.into_iter().find(|&(_, value, low, high)| !(low..=high).contains(&value));
    match outside {
        None => Ok(()),
        Some((key, value, low, high)) => {
            Err(CaptureError::OutOfRange { key, value: value.into(), low: low.into(), high: high.into() })
        }
    }
}

#[cfg(test)]
mod tests;
