//! The executable of the inventory service.

fn main() -> std::process::ExitCode {
    platform::cli::main(&inventory::SERVICE)
}
