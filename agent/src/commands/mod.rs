//! What a board is asked to do over MQTT, and what it does by the clock.
//!
//! A command goes one way: [`gate`] judges it, [`ledger`] remembers its id on disk, [`control`] does it, one at a time. What takes
//! long and is measured runs in a [`child`] process at the lowest priority. What changes the daemon reaches it as a
//! [`link::Change`], a re-read configuration just the same.

mod child;
pub mod control;
pub mod gate;
mod ledger;
pub mod link;
pub mod options;
mod refusals;
pub mod reread;
mod schedule;
pub mod signature;
mod status;
pub mod tasks;

pub use options::{Evaluation, Options};
