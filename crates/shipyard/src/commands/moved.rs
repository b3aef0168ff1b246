//! Commands that the laboratory has now.

#[derive(clap::Args)]
pub struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<std::ffi::OsString>,
}

/// Fails with the command that replaces this one.
pub fn to(command: &str) -> anyhow::Result<()> {
    anyhow::bail!("this is a command of the laboratory now: cargo run --bin lab -- {command}")
}
