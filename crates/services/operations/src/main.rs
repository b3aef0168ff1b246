//! The executable of the service operations.

fn main() -> std::process::ExitCode {
    platform::cli::main(&operations::SERVICE)
}
