//! The program `edgeval`.

use std::process::ExitCode;

fn main() -> ExitCode {
    edgeval::run()
}
