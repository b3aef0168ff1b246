//! The payment service as a program of its own.

fn main() -> std::process::ExitCode {
    platform::cli::main(&payment::SERVICE)
}
