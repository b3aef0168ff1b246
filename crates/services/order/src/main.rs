//! The order service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&order::SERVICE)
}
