//! The assembly service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&assembly::SERVICE)
}
