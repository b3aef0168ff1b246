//! The producer's program: `cargo run -p producer -- --count 1000`.

fn main() -> std::process::ExitCode {
    producer::main()
}
