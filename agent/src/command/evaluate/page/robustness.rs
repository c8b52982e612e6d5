//! What is left of the score when something is changed.

use edgeval_calibration::{Attack, AttackFigures, Missing, Robustness};
use maud::{Markup, html};

use super::super::output::Dimension;
use super::figures::{Row, plain, table};
use super::parts::{absent, reason, section};
use super::{curves, words};

const LEAD: &str = "Every sample that was tried is corrupted and robbed of a modality; as many of them as --examine says are attacked. A curve shows the score as it is (0) and at severities 1 to 5; \
    the band is the 95 % interval, the shaded part is what was lost. The number is the score at severity 5.";

pub(super) fn render(robustness: &Dimension<Robustness>) -> Markup {
    let body = match robustness {
        Dimension::Absent(absent_figure) => absent(reason(absent_figure)),
        Dimension::Figures(figures) => html! {
            (headline(figures))
            (curves::render(&figures.corruptions))
            (missing(&figures.missing))
            (others(figures))
        },
    };
    section("robustness", "Robustness", LEAD, &body)
}

fn headline(figures: &Robustness) -> Markup {
    let Attack { on_picture, on_sound, unbroken } = &figures.attack;
    let rows = [
        Row::new("score of what was tried, as it is", &figures.clean),
        Row::new("share of it that corruptions leave", &figures.share_kept),
        Row::new("mean error under corruption", &figures.mean_error).with_note("less is better"),
        Row::new("right with the picture attacked", &on_picture.robust).with_note(bounds(on_picture)),
        Row::new("the same by right as it is", &on_picture.robust_by_clean),
        Row::new("right with the sound attacked", &on_sound.robust).with_note(bounds(on_sound)),
        Row::new("the same by right as it is", &on_sound.robust_by_clean),
        Row::new("of what is right, no attack broke", unbroken),
    ];
    table("What is left", &rows, (0.0, 1.0))
}

fn bounds(figures: &AttackFigures) -> String {
    let AttackFigures { epsilon, most_queries, .. } = figures;
    format!("Square Attack, ±{:.1} % of the range, {most_queries} queries at most", 100.0 * epsilon)
}

/// A table for each way in which a modality can be missing is too many: all ways of one modality stand together.
fn missing(missing: &[Missing]) -> Markup {
    let rows: Vec<Row<'_>> = missing.iter().flat_map(of_modality).collect();
    html! {
        @if !rows.is_empty() {
            h3 { "A modality missing" }
            (table("The score with something else in a modality's place", &rows, (0.0, 1.0)))
        }
    }
}

fn of_modality(row: &Missing) -> [Row<'_>; 4] {
    let name = |what: &str| format!("{}: {what}", row.modality);
    [
        Row::new(name("as it is"), &row.clean),
        Row::new(name("nothing"), &row.nothing).with_note("black, silent, no words"),
        Row::new(name("the set's mean"), &row.mean),
        Row::new(name("another sample's"), &row.frozen).with_note("as of a sensor that hangs"),
    ]
}

fn others(figures: &Robustness) -> Markup {
    let against = figures
        .reference_model
        .as_ref()
        .map_or_else(String::new, |model| format!("against {}", words::short(model, words::NAME)));
    let mut rows = vec![
        Row::new("mean corruption error", &figures.mean_corruption_error).with_note(against.clone()),
        Row::new("mean relative corruption error", &figures.mean_relative_corruption_error).with_note(against),
        Row::new("median queries of an attack that succeeds: picture", &figures.attack.on_picture.median_queries),
        Row::new("the same: sound", &figures.attack.on_sound.median_queries),
        Row::new("sound moved against the picture: share kept", &figures.skew.share_of_unshifted),
        Row::new("widest shift that keeps 95 %, ms", &figures.skew.widest_ms),
        Row::new("same answer in the other arithmetic", &figures.precision.same),
        Row::new("score of the other arithmetic", &figures.precision.other_score),
        Row::new("divergence of the two, nats", &figures.precision.kl_nats),
    ];
    for noise in &figures.noise {
        let name = |what: &str| format!("{} in {}: {what}", noise.modality, words::spaced(&noise.corruption));
        rows.push(Row::new(name("area kept, of 5"), &noise.relative));
        rows.push(Row::new(name("what the others make up for"), &noise.effective));
    }
    html! { h3 { "Other figures" } (plain("In their own units", &rows)) }
}
