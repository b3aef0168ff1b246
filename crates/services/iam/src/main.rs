//! The iam service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&iam::SERVICE)
}
