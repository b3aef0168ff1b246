//! The notification service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&notification::SERVICE)
}
