//! The executable of the iam service.

fn main() -> std::process::ExitCode {
    platform::cli::main(&iam::SERVICE)
}
