//! `shipyard token`: logs in at a running shop, and prints an access token.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use client::shop::Shop;
use contracts::proto::auth::v1::{IssueTokenRequest, LoginRequest};
use platform::{config::Settings, grpc::time};
use tonic::{Code, Status};

use super::password;
use crate::data::Data;

#[derive(clap::Args)]
pub struct Arguments {
    /// Login of the user
    login: String,
    /// File with the password (default: ask for it on the terminal)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let Arguments { login, password_file } = arguments;
    let shop = Shop::of(&data.running(Settings::load()?))?;
    let password = match password_file {
        Some(path) => password::read(&path)?,
        None => password::ask(&login)?,
    };
    let opened = shop.auth().login(LoginRequest { login, password }).await.map_err(|status| explain(&status))?;
    let request = IssueTokenRequest { session_uuid: opened.into_inner().session_uuid };
    let issued = shop.auth().issue_token(request).await.map_err(|status| explain(&status))?.into_inner();
    let expires_at = issued.expires_at.as_ref().and_then(time).context("the token has no expiry")?;

    // The token alone is on standard output, for `curl -H "Authorization: Bearer $(shipyard token ann)"`.
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
