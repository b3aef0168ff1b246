//! The customers service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&customers::SERVICE)
}
