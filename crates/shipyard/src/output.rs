//! Prints the output of commands to standard output.

use std::{
    fmt,
    io::{ErrorKind, Write as _},
    process,
};

use serde::Serialize;

/// Prints like `println!`; see [`print`].
#[macro_export]
macro_rules! outln {
    () => { $crate::output::print(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::print(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints the text. If the reader of the output has exited, as `head` does, the program ends without an error.
pub fn print(text: fmt::Arguments<'_>) {
    let mut output = std::io::stdout().lock();
    match output.write_fmt(text).and_then(|()| output.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => {
            eprintln!("standard output: {error}");
            process::exit(1);
        }
    }
}

/// Prints a value as JSON on several lines.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    outln!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
