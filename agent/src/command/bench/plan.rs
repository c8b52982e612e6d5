//! What a bench is asked to do: its scenario, how much of it, and the least that counts.

use std::time::Duration;

use edgeval_measure::queries_needed;

use crate::command::exit::ExitError;

/// How queries follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// One query at a time: latency
    SingleStream,
    /// All queries at once, on all cores: throughput
    Offline,
    /// One query at a time until the board's temperature is steady: latency by the minute
    Soak,
}

impl Scenario {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SingleStream => "single_stream",
            Self::Offline => "offline",
            Self::Soak => "soak",
        }
    }
}

/// How much is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// 64 queries and a second at least
    Quick,
    /// MLPerf's: 600 seconds at least, and the queries that early stopping asks for
    Mlperf,
}

impl Profile {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Mlperf => "mlperf",
        }
    }

    /// Less isn't valid. Queries are those that a 90th percentile needs at 99 % confidence, seconds those of LoadGen's mlperf.conf.
    pub fn least(self) -> Goal {
        let seconds = match self {
            Self::Quick => 1,
            Self::Mlperf => 600,
        };
        Goal { queries: queries_needed(0.9, 1), duration: Duration::from_secs(seconds) }
    }

    /// Queries and time where nobody says them.
    fn usual(self) -> Goal {
        match self {
            Self::Quick => Goal { queries: 200, ..self.least() },
            Self::Mlperf => self.least(),
        }
    }
}

/// How much is to be done: both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Queries.
    pub queries: u64,
    /// Time of them.
    pub duration: Duration,
}

impl Goal {
    /// Whether so much is enough.
    pub fn is_reached(&self, queries: u64, elapsed: Duration) -> bool {
        queries >= self.queries && elapsed >= self.duration
    }

    /// How much of it is done, 0 to 1: of the part that takes longer.
    pub fn share(&self, queries: u64, elapsed: Duration) -> f64 {
        let share = |done: f64, of: f64| if of > 0.0 { done / of } else { 1.0 };
        let of_queries = share(queries as f64, self.queries as f64);
        of_queries.min(share(elapsed.as_secs_f64(), self.duration.as_secs_f64())).min(1.0)
    }
}

/// A soak takes no longer where nobody says how long.
const SOAK: Duration = Duration::from_secs(30 * 60);

/// How much of a scenario is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub struct Asked {
    /// How queries follow each other
    #[arg(long, value_enum, default_value_t = Scenario::SingleStream, value_name = "SCENARIO")]
    pub scenario: Scenario,
    /// How much is enough: --queries and --duration go over it, what is less than its least isn't valid
    #[arg(long, value_enum, default_value_t = Profile::Quick, value_name = "PROFILE")]
    pub profile: Profile,
    /// Timed queries, at least [default: 200; with --profile mlperf 64]
    #[arg(long, value_name = "N", value_parser = super::parse_queries)]
    queries: Option<u64>,
    /// Seconds of timed queries, at least [default: 1; with --profile mlperf 600]; of a soak, at most [default: 1800]
    #[arg(long, value_name = "SECONDS", value_parser = super::parse_duration)]
    duration: Option<Duration>,
    /// Models that work side by side with --scenario offline [default: one for every --threads cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

impl Asked {
    /// Refuses words that don't go together.
    ///
    /// # Errors
    /// When a word means nothing in this scenario.
    pub fn check(&self) -> Result<(), ExitError> {
        let is_soak = self.scenario == Scenario::Soak;
        if self.jobs.is_some() && self.scenario != Scenario::Offline {
            return Err(ExitError::usage("--jobs is for --scenario offline: the others ask one query at a time"));
        }
        if is_soak && self.queries.is_some() {
            return Err(ExitError::usage(
                "--queries isn't for --scenario soak: it lasts until the temperature is steady, --duration at most",
            ));
        }
        if is_soak && self.profile == Profile::Mlperf {
            return Err(ExitError::usage(
                "--profile mlperf isn't for --scenario soak: MLPerf has none; --duration bounds it",
            ));
        }
        Ok(())
    }

    /// Queries and time that are enough; of a soak, no queries and the most time.
    pub fn goal(&self) -> Goal {
        let usual = match self.scenario {
            Scenario::Soak => Goal { queries: 0, duration: SOAK },
            _ => self.profile.usual(),
        };
        Goal { queries: self.queries.unwrap_or(usual.queries), duration: self.duration.unwrap_or(usual.duration) }
    }

    /// Models that work side by side.
    pub fn jobs(&self, threads: u16) -> usize {
        match self.scenario {
            Scenario::Offline => {
                let one_a_core = crate::probe::cpu::cores() / usize::from(threads).max(1);
                self.jobs.map_or(one_a_core, usize::from).max(1)
            }
            _ => 1,
        }
    }
}

#[cfg(test)]
impl Asked {
    /// With nothing else said.
    pub fn usual(scenario: Scenario, profile: Profile) -> Self {
        Self { scenario, profile, queries: None, duration: None, jobs: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_profile_says_how_much_where_nobody_else_does() {
        let quick = Asked::usual(Scenario::SingleStream, Profile::Quick);
        assert_eq!(quick.goal(), Goal { queries: 200, duration: SECOND });
        assert_eq!(quick.profile.least(), Goal { queries: 64, duration: SECOND });
        let mlperf = Asked::usual(Scenario::Offline, Profile::Mlperf);
        assert_eq!(mlperf.goal(), Goal { queries: 64, duration: 600 * SECOND });
        assert_eq!(mlperf.goal(), mlperf.profile.least());
        let own = Asked { queries: Some(7), duration: Some(3 * SECOND), ..mlperf };
        assert_eq!(own.goal(), Goal { queries: 7, duration: 3 * SECOND });
        assert_eq!(Asked::usual(Scenario::Soak, Profile::Quick).goal(), Goal { queries: 0, duration: 1800 * SECOND });
    }

    #[test]
    fn both_are_to_be_reached() {
        let goal = Goal { queries: 10, duration: 4 * SECOND };
        assert!(!goal.is_reached(9, 9 * SECOND) && !goal.is_reached(99, 3 * SECOND) && goal.is_reached(10, 4 * SECOND));
        assert_eq!((goal.share(5, 4 * SECOND), goal.share(99, SECOND), goal.share(99, 9 * SECOND)), (0.5, 0.25, 1.0));
        assert_eq!(Goal { queries: 0, duration: Duration::ZERO }.share(0, Duration::ZERO), 1.0);
    }

    #[test]
    fn models_work_side_by_side_offline_alone() {
        let offline = Asked::usual(Scenario::Offline, Profile::Quick);
        assert_eq!(Asked { jobs: Some(3), ..offline }.jobs(2), 3);
        assert_eq!((offline.jobs(256), offline.jobs(1)), (1, crate::probe::cpu::cores()));
        assert_eq!(Asked::usual(Scenario::Soak, Profile::Quick).jobs(1), 1);
    }
}
