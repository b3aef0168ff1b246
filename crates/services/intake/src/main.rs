//! The intake service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&intake::SERVICE)
}
