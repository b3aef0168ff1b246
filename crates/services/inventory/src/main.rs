//! The inventory service as a program of its own.

fn main() -> std::process::ExitCode {
    platform::cli::main(&inventory::SERVICE)
}
