//! What a bench tells of a model that generates: how long its answers are, and how long a token takes.

use std::time::Duration;

use edgeval_measure::LatencySummary;
use serde::Serialize;

use crate::measurement::Number;
use crate::pipeline::Answer;
use crate::terminal;

/// Times of every query's tokens, in microseconds.
#[derive(Debug, Default)]
pub struct Spoken {
    tokens: u64,
    cut: u64,
    first_token_us: Vec<f64>,
    later_token_us: Vec<f64>,
}

/// What is told of generation.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Tokens of an answer, without the first and the end; the mean over queries.
    tokens_per_query: f64,
    /// Answers that were cut at the longest that the model may say.
    cut_answers: u64,
    /// From the start of inference to the first token.
    first_token_us: LatencySummary,
    /// Each query's mean time of a token after the first.
    later_token_us: Number<LatencySummary>,
}

impl Spoken {
    /// Counts one query; one without words counts for nothing.
    pub fn record(&mut self, answer: &Answer) {
        let (Some(generated), Some(first)) = (&answer.prediction.generated, answer.first_token) else { return };
        self.tokens += generated.tokens.len() as u64;
        self.cut += u64::from(!generated.complete);
        self.first_token_us.push(microseconds(first));
        // The decoder runs once a token and once for the end, which may come or not.
        let later = generated.tokens.len();
        if later > 0 {
            let rest = answer.times.inference.saturating_sub(first);
            self.later_token_us.push(microseconds(rest) / later as f64);
        }
    }

    /// What the queries come to.
    #[must_use]
    pub fn figures(&self) -> Number<Figures> {
        let Some(first_token_us) = LatencySummary::of(&self.first_token_us) else {
            return absent("the model generates nothing");
        };
        let later = LatencySummary::of(&self.later_token_us);
        Number::Value(Figures {
            tokens_per_query: self.tokens as f64 / self.first_token_us.len() as f64,
            cut_answers: self.cut,
            first_token_us,
            later_token_us: later.map_or_else(|| absent("every answer ended at once"), Number::Value),
        })
    }
}

impl Figures {
    /// The same for people.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let median = |times: &LatencySummary| format!("{} (p50)", terminal::microseconds(times.p50));
        vec![
            ("tokens an answer", format!("{:.1}", self.tokens_per_query)),
            ("first token", median(&self.first_token_us)),
            ("each token after", self.later_token_us.words(median)),
        ]
    }
}

fn absent<T>(reason: &str) -> Number<T> {
    Number::Absent { not_measured: reason.to_owned() }
}

fn microseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}
