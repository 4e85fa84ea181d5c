//! `flint-cli`: the client without a display.

use std::process::ExitCode;

fn main() -> ExitCode {
    flint_cli::main()
}
