//! From counters and probes to the words of a report.

pub mod conditions;
pub mod energy;
pub mod header;
pub mod sensors;
pub mod wording;
