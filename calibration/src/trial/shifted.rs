//! A sample's sound, moved against its picture.

use edgeval_models::{Modality, Sound, Window};

use super::subject::{StandIn, Subject};
use crate::SetError;

/// How far the sound is moved, to both sides.
const SHIFTS_MS: [i32; 5] = [40, 80, 160, 320, 640];

/// The score at each shift in milliseconds, 0 included; nothing when the sample has no `context`, or one too short to be moved in.
pub(super) fn shifted(subject: &mut Subject<'_>, clean: f64) -> Result<Vec<(f64, f64)>, SetError> {
    let (Some(context), Some(own)) = (subject.setup.set.context(subject.sample)?, subject.window.audio.clone()) else {
        return Ok(Vec::new());
    };
    if !subject.has(Modality::Image) || !subject.has(Modality::Audio) || context.sample_rate_hz != own.sample_rate_hz {
        return Ok(Vec::new());
    }
    let shifts = SHIFTS_MS.into_iter().flat_map(|shift| [-shift, shift]);
    let Some(moved) = shifts.map(|shift| Some((shift, cut(&context, &own, shift)?))).collect::<Option<Vec<_>>>() else {
        return Ok(Vec::new());
    };
    let mut scores = vec![(0.0, clean)];
    for (shift, sound) in moved {
        let window = Window { audio: Some(sound), ..Window::default() };
        scores.push((f64::from(shift), subject.score_with(Modality::Audio, StandIn::Of(&window))?));
    }
    Ok(scores)
}

/// What would have been heard if the sound came `shift_ms` later: a piece as long as `own`, that much before the middle of its context. `None` when
/// the context doesn't reach so far.
fn cut(context: &Sound, own: &Sound, shift_ms: i32) -> Option<Sound> {
    let start = context.samples.len().checked_sub(own.samples.len())? / 2;
    let shift = i64::from(shift_ms) * i64::from(context.sample_rate_hz) / 1000;
    let from = usize::try_from(i64::try_from(start).ok()?.checked_sub(shift)?).ok()?;
    let samples = context.samples.get(from..from.checked_add(own.samples.len())?)?.to_vec();
    Some(Sound { sample_rate_hz: context.sample_rate_hz, samples })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(samples: impl IntoIterator<Item = u8>) -> Sound {
        Sound { sample_rate_hz: 1000, samples: samples.into_iter().map(f32::from).collect() }
    }

    #[test]
    fn a_late_sound_shows_what_was_before() {
        let (context, own) = (sound(0..12), sound(4..8));
        assert_eq!(cut(&context, &own, 0), Some(sound(4..8)));
        assert_eq!(cut(&context, &own, 3), Some(sound(1..5)));
        assert_eq!(cut(&context, &own, -4), Some(sound(8..12)));
        assert_eq!(cut(&context, &own, 5), None);
        assert_eq!(cut(&context, &own, -5), None);
        assert_eq!(cut(&own, &context, 0), None);
    }
}
