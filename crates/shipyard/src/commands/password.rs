//! Reads a password from a file, or asks for it on the terminal.

use std::path::Path;

use anyhow::{Context as _, ensure};

/// The file's text, without the line end.
pub fn read(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--password-file {}", path.display()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Does not show the typed password.
pub fn ask(login: &str) -> anyhow::Result<String> {
    prompt(format!("Password of {login}: "))
}

/// Asks for a new password twice.
pub fn ask_twice(login: &str) -> anyhow::Result<String> {
    let password = ask(login)?;
    ensure!(prompt("Again: ".to_owned())? == password, "the two passwords differ; nothing was changed");
    Ok(password)
}

fn prompt(text: String) -> anyhow::Result<String> {
    rpassword::prompt_password(text).context("no terminal to ask for the password; name a file with --password-file")
}
