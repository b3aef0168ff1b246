//! The inventory service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&inventory::SERVICE)
}
