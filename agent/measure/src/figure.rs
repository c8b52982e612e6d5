//! A figure with its uncertainty, or the reason for its absence.

use serde::{Deserialize, Serialize};

/// A figure, its 95 % interval and how many samples it was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// How many samples.
    pub n: u64,
}

/// A figure, or why there is none: `{"value","low","high","n"}` or `{"not_measured":"why"}` in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Measured {
    /// It was measured.
    Figure(Figure),
    /// It wasn't.
    NotMeasured {
        /// Why.
        #[serde(rename = "not_measured")]
        reason: String,
    },
}

impl Measured {
    /// No figure, for this reason.
    #[must_use]
    pub fn not_measured(reason: &str) -> Self {
        Self::NotMeasured { reason: reason.to_owned() }
    }

    /// The figure, where there is one.
    #[must_use]
    pub const fn figure(&self) -> Option<&Figure> {
        match self {
            Self::Figure(figure) => Some(figure),
            Self::NotMeasured { .. } => None,
        }
    }

    /// What becomes of the figure, where there is one.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Figure) -> Figure) -> Self {
        match self {
            Self::Figure(figure) => Self::Figure(change(figure)),
            absent @ Self::NotMeasured { .. } => absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_a_figure_or_a_reason() {
        let figure = Measured::Figure(Figure { value: 0.5, low: 0.25, high: 0.75, n: 4 });
        let absent = Measured::not_measured("no samples");
        for (measured, json) in
            [(figure, r#"{"value":0.5,"low":0.25,"high":0.75,"n":4}"#), (absent, r#"{"not_measured":"no samples"}"#)]
        {
            assert_eq!(serde_json::to_string(&measured).unwrap(), json);
            assert_eq!(serde_json::from_str::<Measured>(json).unwrap(), measured);
        }
    }
}
