//! From counters and probes to the words of a report.

pub mod conditions;
pub mod header;
pub mod sensors;
pub mod wording;
