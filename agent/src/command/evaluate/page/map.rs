//! An occlusion map over what it is of: a picture, a spectrogram, a waveform, or words.

use edgeval_calibration::Explanation;
use maud::{Markup, html};

use super::chart::at;
use super::words::{number, short};

/// A fall that is at full strength in every map: smaller ones are fainter, so that an answer that hangs on nothing looks like it.
const STRONG: f64 = 0.05;
/// Where no part lowers the probability by more, the answer hangs on no single part.
const NEGLIGIBLE: f64 = 0.005;
/// Falls under this share of the largest aren't drawn.
const FAINT: f64 = 0.05;
/// Words that are shown at most.
const WORDS: usize = 200;

/// What lies under a map: its size in its own units, and its drawing.
pub(super) struct Ground {
    pub size: (f64, f64),
    pub drawing: Markup,
    /// Whether rows count from below, as frequencies do.
    pub from_below: bool,
    /// What a person sees there.
    pub name: &'static str,
}

/// The ground alone, and with the map over it.
pub(super) fn over(ground: &Ground, map: Option<&Explanation>) -> Markup {
    let label = |what: &str| format!("{}{what}", ground.name);
    html! {
        div.pair {
            (drawn(ground, &label(""), &html! {}))
            @if let Some(map) = map.filter(|map| map.map.len() == map.rows * map.columns) {
                (drawn(ground, &label(", with what the answer hangs on marked"), &cells(ground, map)))
            }
        }
    }
}

fn drawn(ground: &Ground, label: &str, over: &Markup) -> Markup {
    let (width, height) = ground.size;
    html! {
        svg.ground viewBox=(format!("0 0 {width} {height}")) preserveAspectRatio="none" role="img" aria-label=(label)
            style=(format!("aspect-ratio:{:.3}", (width / height).clamp(0.5, 2.0))) {
            title { (label) }
            (ground.drawing)
            (over)
        }
    }
}

/// A cell is as strong as its fall; one that is better covered is hatched. The peak has a border.
fn cells(ground: &Ground, map: &Explanation) -> Markup {
    let (width, height) = (ground.size.0 / map.columns as f64, ground.size.1 / map.rows as f64);
    let most = largest(map).max(STRONG);
    let place = |cell: usize| {
        let (row, column) = (cell / map.columns, cell % map.columns);
        let row = if ground.from_below { map.rows - 1 - row } else { row };
        (column as f64 * width, row as f64 * height)
    };
    let shown = map.map.iter().enumerate().filter(|(_, fall)| fall.abs() >= FAINT * most);
    html! {
        @for (cell, fall) in shown {
            @let (x, y) = place(cell);
            rect class=(if *fall > 0.0 { "fall" } else { "rise" }) x=(fine(x)) y=(fine(y)) width=(fine(width)) height=(fine(height))
                style=(format!("opacity:{:.2}", 0.75 * fall.abs() / most)) {}
        }
        @if let Some((cell, _)) = peak(map) {
            @let (x, y) = place(cell);
            rect.peak x=(fine(x)) y=(fine(y)) width=(fine(width)) height=(fine(height)) {}
        }
    }
}

/// Units may be a picture's 28 pixels: tenths would be seen.
fn fine(value: f64) -> String {
    format!("{value:.3}")
}

fn largest(map: &Explanation) -> f64 {
    map.map.iter().map(|fall| fall.abs()).fold(0.0, f64::max)
}

/// The cell that the answer hangs on most; none when covering lowers next to nothing.
fn peak(map: &Explanation) -> Option<(usize, f64)> {
    let falls = map.map.iter().copied().enumerate().filter(|(_, fall)| *fall > NEGLIGIBLE);
    falls.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// What the map says, in words.
pub(super) fn says(map: Option<&Explanation>) -> String {
    match map.map(peak) {
        None => "Not explained: it isn't among the samples that were examined, or there is one cell alone.".to_owned(),
        Some(None) => {
            "The answer hangs on no single part: covering any lowers its probability by next to nothing.".to_owned()
        }
        Some(Some((_, fall))) => {
            format!("Covering the outlined part lowers the answer's probability by {}.", number(fall))
        }
    }
}

/// Words, each with what the probability falls by without it.
pub(super) fn words(text: &str, map: Option<&Explanation>) -> Markup {
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some(map) = map.filter(|map| map.map.len() == words.len()) else {
        return html! { p.text { (short(text, super::words::TEXT)) } };
    };
    let most = largest(map).max(STRONG);
    html! {
        p.text {
            @for (word, fall) in words.iter().zip(&map.map).take(WORDS) {
                @let class = if *fall < 0.0 { "word rise" } else { "word" };
                span class=(class) style=(format!("--share:{:.0}%", 70.0 * fall.abs() / most)) { (short(word, 32)) small { (number(*fall)) } } " "
            }
            @if words.len() > WORDS { "…" }
        }
        p.small { "Below each word: what the answer's probability falls by without it." }
    }
}

/// A waveform as a ground.
pub(super) fn waveform(points: &[(f64, f32, f32)]) -> Ground {
    let most = points.iter().map(|(_, low, high)| low.abs().max(high.abs())).fold(f32::MIN_POSITIVE, f32::max);
    let y = |value: f32| 50.0 - 46.0 * f64::from(value / most);
    let drawing = html! {
        rect.paper x="0" y="0" width="200" height="100" {}
        @for (place, low, high) in points {
            line.wave x1=(fine(place * 200.0)) x2=(fine(place * 200.0)) y1=(at(y(*low) + 0.3)) y2=(at(y(*high) - 0.3)) {}
        }
    };
    Ground { size: (200.0, 100.0), drawing, from_below: true, name: "the sound's waveform" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(falls: &[f64]) -> Explanation {
        Explanation { rows: 1, columns: falls.len(), map: falls.to_vec(), ..Explanation::default() }
    }

    #[test]
    fn the_peak_is_the_largest_fall_and_no_rise() {
        assert_eq!(peak(&map(&[0.1, -0.9, 0.4])), Some((2, 0.4)));
        assert_eq!(peak(&map(&[-0.1, 0.0])), None);
        assert!(says(Some(&map(&[0.0, -1.0]))).contains("no single part"));
    }

    #[test]
    fn low_frequencies_lie_below() {
        let ground = Ground { size: (10.0, 20.0), drawing: html! {}, from_below: true, name: "x" };
        let lowest = Explanation { rows: 2, columns: 1, map: vec![0.5, 0.0], ..Explanation::default() };
        let cells = cells(&ground, &lowest).into_string();
        assert!(cells.contains(r#"y="10.000""#) && !cells.contains(r#"y="0.000""#), "{cells}");
    }

    #[test]
    fn words_that_were_split_otherwise_have_no_falls() {
        assert!(!words("one two", Some(&map(&[0.5]))).into_string().contains("0.500"));
        let shown = words("<i> two", Some(&map(&[0.5, -0.25]))).into_string();
        assert!(shown.contains("&lt;i&gt;") && shown.contains("−0.250") && shown.contains("word rise"), "{shown}");
    }
}
