//! The executable of the console service.

fn main() -> std::process::ExitCode {
    platform::cli::main(&console::SERVICE)
}
