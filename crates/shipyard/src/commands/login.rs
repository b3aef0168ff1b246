//! `shipyard login`: logs in at a running shop, and prints the session.

use std::path::PathBuf;

use anyhow::anyhow;
use client::shop::Shop;
use contracts::proto::auth::v1::LoginRequest;
use platform::config::Settings;
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

impl Arguments {
    /// Returns the shop and the session.
    pub async fn open(self, data: &Data) -> anyhow::Result<(Shop, String)> {
        let Self { login, password_file } = self;
        let shop = Shop::from_settings(&data.running(Settings::load()?))?;
        let password = match password_file {
            Some(path) => password::read(&path)?,
            None => password::ask(&login)?,
        };
        let opened = shop.auth().login(LoginRequest { login, password }).await.map_err(|status| explain(&status))?;
        Ok((shop, opened.into_inner().session_uuid))
    }
}

/// Prints the session alone, for `curl -H "X-Session-Uuid: $(shipyard login ann)"`.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let (_, session) = arguments.open(&data).await?;
    outln!("{session}");
    Ok(())
}

pub fn explain(status: &Status) -> anyhow::Error {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => {
            anyhow!("iam does not answer: {}; is a shop running?", status.message())
        }
        _ => anyhow!("iam refused: {}", status.message()),
    }
}
