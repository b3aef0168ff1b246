//! The laboratory's program.

fn main() -> std::process::ExitCode {
    lab::main()
}
