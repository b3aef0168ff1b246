//! The benchmark's program.

fn main() -> std::process::ExitCode {
    bench::command::main()
}
