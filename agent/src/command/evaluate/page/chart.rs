//! A chart with axes, as SVG: colours come from the page's style, so that a chart is light or dark with it.

use maud::{Markup, html};

/// How values become places along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
    pub is_logarithmic: bool,
}

impl Scale {
    pub const fn linear(low: f64, high: f64) -> Self {
        Self { low, high, is_logarithmic: false }
    }

    /// Both ends are over 0.
    pub const fn logarithmic(low: f64, high: f64) -> Self {
        Self { low, high, is_logarithmic: true }
    }

    /// 0 at the low end, 1 at the high one.
    fn share(&self, value: f64) -> f64 {
        let of = |value: f64| if self.is_logarithmic { value.max(f64::MIN_POSITIVE).ln() } else { value };
        let (low, high) = (of(self.low), of(self.high));
        if high > low { ((of(value) - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
    }
}

/// The part of a drawing that values lie in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub size: (f64, f64),
    /// Left, top, right, bottom.
    pub margins: [f64; 4],
    pub across: Scale,
    pub up: Scale,
}

impl Frame {
    pub fn x(&self, value: f64) -> f64 {
        let [left, _, right, _] = self.margins;
        left + self.across.share(value) * (self.size.0 - left - right)
    }

    pub fn y(&self, value: f64) -> f64 {
        let [_, top, _, bottom] = self.margins;
        self.size.1 - bottom - self.up.share(value) * (self.size.1 - top - bottom)
    }

    /// The drawing with what is inside of it; `label` is for those who can't see it.
    pub fn draw(&self, label: &str, inside: &Markup) -> Markup {
        let (width, height) = self.size;
        html! {
            svg.plot viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(label) { title { (label) } (inside) }
        }
    }

    /// Horizontal lines with their values.
    pub fn lines_across(&self, ticks: &[(f64, String)]) -> Markup {
        let [left, _, right, _] = self.margins;
        html! { @for (value, words) in ticks {
            line.grid x1=(at(left)) x2=(at(self.size.0 - right)) y1=(at(self.y(*value))) y2=(at(self.y(*value))) {}
            text.tick x=(at(left - 5.0)) y=(at(self.y(*value) + 3.5)) text-anchor="end" { (words) }
        } }
    }

    /// Values along the lower edge.
    pub fn ticks_below(&self, ticks: &[(f64, String)]) -> Markup {
        let foot = self.size.1 - self.margins[3];
        html! { @for (value, words) in ticks {
            line.grid x1=(at(self.x(*value))) x2=(at(self.x(*value))) y1=(at(foot)) y2=(at(foot + 4.0)) {}
            text.tick x=(at(self.x(*value))) y=(at(foot + 15.0)) text-anchor="middle" { (words) }
        } }
    }

    /// What the lower edge counts.
    pub fn title_below(&self, words: &str) -> Markup {
        let [left, _, right, _] = self.margins;
        let middle = left + (self.size.0 - left - right) / 2.0;
        html! { text.axis x=(at(middle)) y=(at(self.size.1 - 4.0)) text-anchor="middle" { (words) } }
    }

    /// Points as a path's data.
    pub fn path(&self, points: &[(f64, f64)]) -> String {
        let step = |(place, (x, y)): (usize, &(f64, f64))| {
            format!("{}{} {}", if place == 0 { "M" } else { "L" }, at(self.x(*x)), at(self.y(*y)))
        };
        points.iter().enumerate().map(step).collect()
    }
}

/// A place in a drawing, to a tenth.
pub(super) fn at(value: f64) -> String {
    format!("{value:.1}")
}

/// 1, 2, 5, 10, … between two values over 0; 1, 10, … where they lie far apart.
pub(super) fn decades(low: f64, high: f64) -> Vec<f64> {
    if !(low > 0.0 && high.is_finite()) {
        return Vec::new();
    }
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    // Over two decades there is no room for more than the decades themselves.
    let steps: &[f64] = if high / low > 100.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let steps = (first..=last).flat_map(|power| steps.iter().map(move |step| step * 10.0_f64.powi(power)));
    steps.filter(|value| (low..=high).contains(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_find_their_places() {
        let frame = Frame {
            size: (120.0, 60.0),
            margins: [10.0, 5.0, 10.0, 5.0],
            across: Scale::logarithmic(1.0, 100.0),
            up: Scale::linear(0.0, 1.0),
        };
        assert!((frame.x(10.0) - 60.0).abs() < 1e-9 && (frame.y(1.0) - 5.0).abs() < 1e-9);
        assert_eq!((frame.x(1e9), frame.x(f64::NAN.max(0.0))), (110.0, 10.0), "what lies outside is drawn at the edge");
        assert_eq!(frame.path(&[(1.0, 0.0), (100.0, 1.0)]), "M10.0 55.0L110.0 5.0");
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(decades(0.9, 12.0), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(decades(4.0, 50_000.0), [10.0, 100.0, 1000.0, 10_000.0]);
        assert!(decades(0.0, 5.0).is_empty());
    }
}
