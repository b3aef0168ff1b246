//! The executable of the payment service.

fn main() -> std::process::ExitCode {
    platform::cli::main(&payment::SERVICE)
}
