//! How long it takes from nothing to an answer.

use std::time::Duration;

use serde::Serialize;

/// Times of the start, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StartUp {
    /// Of loading the model alone.
    pub model_load_us: u64,
    /// Of the first inference alone, which is slower than later ones.
    pub first_inference_us: u64,
    /// From the process's start until the model was ready, without the time that bench idles to watch the board's power.
    pub process_to_model_ready_us: u64,
    /// That and the first inference: what bench does in between (making up an input) isn't the model's.
    pub process_to_first_inference_us: u64,
}

impl StartUp {
    /// `until_ready` is from the process's start until the model was ready, `idle` what bench idled of it.
    pub fn of(load: Duration, first_inference: Duration, until_ready: Duration, idle: Duration) -> Self {
        let ready = until_ready.saturating_sub(idle);
        Self {
            model_load_us: whole_us(load),
            first_inference_us: whole_us(first_inference),
            process_to_model_ready_us: whole_us(ready),
            process_to_first_inference_us: whole_us(ready + first_inference),
        }
    }
}

fn whole_us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idling_is_no_part_of_a_start() {
        let ms = Duration::from_millis;
        let start = StartUp::of(ms(30), ms(5), ms(2050), ms(2000));
        assert_eq!((start.model_load_us, start.first_inference_us), (30_000, 5000));
        assert_eq!((start.process_to_model_ready_us, start.process_to_first_inference_us), (50_000, 55_000));
    }
}
