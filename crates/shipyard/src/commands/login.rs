//! `shipyard login` and `shipyard token`: log in at a running shop, and print the session or an access token.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use client::{addresses::ShopAddresses, shop::Shop};
use contracts::proto::auth::v1::{IssueTokenRequest, LoginRequest};
use platform::{config, grpc::time};
use tonic::{Code, Status};

use crate::data::Data;

#[derive(clap::Args)]
pub struct Arguments {
    /// Login of the user
    login: String,
    /// File with the password (default: ask for it on the terminal)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Arguments {
    /// Returns the shop and the session.
    async fn open(self, data: &Data) -> anyhow::Result<(Shop, String)> {
        let Self { login, password_file } = self;
        let shop = ShopAddresses::from_settings(&data.running(config::load()?))?.shop()?;
        let password = match password_file {
            Some(path) => read_password(&path)?,
            None => ask_password(format!("Password of {login}: "))?,
        };
        let opened = shop.auth().login(LoginRequest { login, password }).await.map_err(|status| explain(&status))?;
        Ok((shop, opened.into_inner().session_uuid))
    }
}

/// Prints the session alone, for `curl -H "X-Session-Uuid: $(shipyard login ann)"`.
pub async fn login(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let (_, session) = arguments.open(&data).await?;
    outln!("{session}");
    Ok(())
}

/// Prints the token alone to standard output, for `curl -H "Authorization: Bearer $(shipyard token ann)"`.
pub async fn token(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let (shop, session_uuid) = arguments.open(&data).await?;
    let issued = shop.auth().issue_token(IssueTokenRequest { session_uuid }).await;
    let issued = issued.map_err(|status| explain(&status))?.into_inner();
    let expires_at = issued.expires_at.as_ref().and_then(time).context("the token has no expiry")?;
    outln!("{}", issued.access_token);
    eprintln!("it expires at {}", expires_at.format("%Y-%m-%d %H:%M:%S UTC"));
    Ok(())
}

fn explain(status: &Status) -> anyhow::Error {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => {
            anyhow!("iam does not answer: {}; is a shop running?", status.message())
        }
        _ => anyhow!("iam refused: {}", status.message()),
    }
}

/// Returns the file's text, without the line end.
pub fn read_password(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--password-file {}", path.display()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Asks for a new password twice.
pub fn ask_new_password(login: &str) -> anyhow::Result<String> {
    let password = ask_password(format!("Password of {login}: "))?;
    ensure!(ask_password("Again: ".to_owned())? == password, "the two passwords differ; nothing was changed");
    Ok(password)
}

/// Asks on the terminal, which does not show the typed password.
fn ask_password(prompt: String) -> anyhow::Result<String> {
    rpassword::prompt_password(prompt).context("no terminal to ask for the password; name a file with --password-file")
}
