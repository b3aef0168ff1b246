//! The delivery service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&delivery::SERVICE)
}
