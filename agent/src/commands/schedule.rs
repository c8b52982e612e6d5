//! When the evaluation by the clock is due: pure, time comes as an argument.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Later than this it isn't done any more: the clock was set, or the board slept.
const LATEST: SignedDuration = SignedDuration::from_mins(10);
/// Nothing that is due daily lies further ahead, summer time included: the clock was set back.
const FURTHEST: SignedDuration = SignedDuration::from_hours(26);

/// A time of day, such as `02:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LocalTime(Time);

impl TryFrom<String> for LocalTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = Time::strptime("%H:%M", &text);
        time.map(Self).map_err(|_| format!("`{text}` is no time of day; write HH:MM, such as 02:30"))
    }
}

/// A daily time and when it comes next.
#[derive(Clone, Debug)]
pub struct Schedule {
    daily_at: Option<LocalTime>,
    zone: TimeZone,
    next: Option<Timestamp>,
}

impl Schedule {
    /// Nothing is due before the next time of day.
    #[must_use]
    pub fn new(daily_at: Option<LocalTime>, zone: TimeZone, now: Timestamp) -> Self {
        let mut schedule = Self { daily_at, zone, next: None };
        schedule.next = schedule.after(now);
        schedule
    }

    /// When it comes next.
    #[must_use]
    pub const fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// Whether the time has come. True once a day.
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        let Some(next) = self.next else { return false };
        let late = now.duration_since(next);
        if late.is_negative() && late > -FURTHEST {
            return false;
        }
        self.next = self.after(now);
        !late.is_negative() && late < LATEST
    }

    /// A time of day that a change to summer time skips comes an hour later.
    fn after(&self, now: Timestamp) -> Option<Timestamp> {
        let LocalTime(time) = self.daily_at?;
        let today = self.zone.to_datetime(now).date();
        let days = [Ok(today), today.tomorrow()].into_iter().filter_map(Result::ok);
        let mut moments = days.filter_map(|day| self.zone.to_timestamp(day.to_datetime(time)).ok());
        moments.find(|moment| *moment > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(daily_at: &str, now: &str) -> Schedule {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        Schedule::new(Some(daily_at.to_owned().try_into().unwrap()), zone, moment(now))
    }

    #[test]
    fn a_time_of_day_is_local_and_comes_once() {
        let mut schedule = schedule("02:30", "2026-01-10T00:00:00Z");
        assert_eq!(schedule.next(), Some(moment("2026-01-10T01:30:00Z")));
        assert!(!schedule.is_due(moment("2026-01-10T01:29:59Z")));
        assert!(schedule.is_due(moment("2026-01-10T01:30:01Z")));
        assert!(!schedule.is_due(moment("2026-01-10T01:30:02Z")));
        assert_eq!(schedule.next(), Some(moment("2026-01-11T01:30:00Z")));
    }

    #[test]
    fn summer_time_moves_it() {
        assert_eq!(schedule("02:30", "2026-03-28T12:00:00Z").next(), Some(moment("2026-03-29T01:30:00Z")), "skipped");
        assert_eq!(schedule("04:00", "2026-03-29T12:00:00Z").next(), Some(moment("2026-03-30T02:00:00Z")));
    }

    #[test]
    fn a_clock_that_is_set_makes_nothing_due() {
        let mut forward = schedule("02:30", "2026-01-10T00:00:00Z");
        assert!(!forward.is_due(moment("2026-06-10T12:00:00Z")));
        assert_eq!(forward.next(), Some(moment("2026-06-11T00:30:00Z")));
        assert!(!forward.is_due(moment("2025-01-01T00:00:00Z")));
        assert_eq!(forward.next(), Some(moment("2025-01-01T01:30:00Z")));
    }

    #[test]
    fn what_is_no_time_of_day_is_refused() {
        for text in ["", "2", "25:00", "02:30:00", "02:61"] {
            assert!(LocalTime::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert_eq!(Schedule::new(None, TimeZone::UTC, moment("2026-01-10T00:00:00Z")).next(), None);
    }
}
