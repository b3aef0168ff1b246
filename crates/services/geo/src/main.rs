//! The geo service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&geo::SERVICE)
}
