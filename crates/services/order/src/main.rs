//! The executable of the order service.

fn main() -> std::process::ExitCode {
    platform::cli::main(&order::SERVICE)
}
