//! The console service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&console::SERVICE)
}
