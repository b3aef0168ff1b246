//! The producer's program: `cargo run -p producer -- --count 1000`.

use std::process::ExitCode;

use clap::Parser;

/// Makes orders and sends them to the topic that intake reads
#[derive(Parser)]
#[command(name = "producer", version)]
struct Cli {
    #[command(flatten)]
    arguments: producer::Arguments,
}

fn main() -> ExitCode {
    let Cli { arguments } = Cli::parse();
    producer::main(&arguments)
}
