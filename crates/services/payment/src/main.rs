//! The payment service's program.

fn main() -> std::process::ExitCode {
    platform::cli::main(&payment::SERVICE)
}
