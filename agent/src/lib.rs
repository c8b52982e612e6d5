//! edgeval: how good is this multimodal model, really, on this board and in this field?
//!
//! Data flows one way: `capture` (or a replayed reference set) makes windows, `edgeval_models` makes predictions of
//! them, `pipeline` counts and times, `report` words it, `publish` sends it. One file in `command/` for each verb.
//!
//! It is a library so that fuzz targets reach what takes bytes from outside (`tests/fuzz`); nothing else uses it.

mod background;
mod capture;
mod clock;
mod command;
mod commands;
mod config;
mod daemon;
#[cfg(fuzzing)]
pub mod fuzz;
mod log;
mod measurement;
mod pipeline;
mod probe;
mod publish;
mod report;
mod stages;
mod state;
mod stop;
mod supervisor;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

/// The whole program: reads the command line and does what it says.
#[must_use]
pub fn run() -> ExitCode {
    let started = probe::cpu::process_start();
    let arguments = command::Arguments::parse();
    log::start();
    match command::run(arguments, started) {
        Ok(code) => code,
        Err(error) => {
            terminal::print_error(&error);
            let own = error.downcast_ref::<command::ExitError>();
            own.map_or(ExitCode::FAILURE, |error| ExitCode::from(error.status))
        }
    }
}
