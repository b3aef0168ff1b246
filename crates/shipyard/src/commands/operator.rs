//! `shipyard operator`: creates a user with the role `operator`, in iam's database.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, anyhow};
use contracts::ids::UserId;
use iam::{
    config::{Hashing as Cost, Own},
    error::Error,
    hashing::Hashing,
    model::{Password, User, UserInfo},
    repository::PgUsers,
    service::OperatorService,
};
use platform::{clock, config::Settings, ids, random, telemetry};

use super::password;
use crate::data::Data;

#[derive(clap::Args)]
pub struct Arguments {
    /// Login of the operator; IAM_OPERATORS must contain it
    login: String,
    /// The operator's e-mail address (default: the login, if it is an address, else LOGIN@operator.invalid)
    #[arg(long)]
    email: Option<String>,
    /// File with the password (default: ask for it on the terminal)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?).or("LOG_LEVEL", "error");
    // iam's security event goes to this command's log.
    let _telemetry = telemetry::start("shipyard", &settings.read()?)?;
    let Arguments { login, email, password_file } = arguments;
    let email = email.unwrap_or_else(|| default_email(&login));
    let info = UserInfo::new(login.clone(), email, Vec::new())?;
    let database = iam::SERVICE.pool("shipyard-operator", 1, &settings).with_context(|| data.advice())?;
    let own = settings.read::<Own>()?;
    let operators = own.operators()?;
    let least = own.check_password_min()?;
    let hashing = Hashing::new(&settings.read::<Cost>()?)?;
    let service = OperatorService::new(Arc::new(PgUsers::new(database.clone())), hashing, operators);

    // Rejects the login before the command asks for a password.
    service.check(&login).await.map_err(|error| explain(error, &login))?;
    let password = match password_file {
        Some(path) => password::read(&path)?,
        None => password::ask_twice(&login)?,
    };
    let password = Password::chosen("password", password, [&info.login, &info.email], least)?;
    let now = clock::now();
    let user = User { id: UserId::new(ids::ordered()), info, created_at: now, updated_at: now };
    service.create(&user, password, random::secret()).await.map_err(|error| explain(error, &login))?;
    database.close().await;

    outln!("{login} is an operator: user {}", user.id);
    Ok(())
}

/// The login if it is an address, otherwise an address below the domain `invalid`, which no host has, so that it cannot
/// be a stranger's.
fn default_email(login: &str) -> String {
    if login.contains('@') { login.to_owned() } else { format!("{login}@operator.invalid") }
}

fn explain(error: Error, login: &str) -> anyhow::Error {
    match error {
        Error::NotOperator => {
            anyhow!("IAM_OPERATORS: does not name {login}; add the login there, restart iam, and run this again")
        }
        Error::LoginTaken => anyhow!(
            "the login {login} is registered already, nothing was changed; its user has the role, so if that is a stranger's, remove it from IAM_OPERATORS"
        ),
        Error::Database(_) => {
            anyhow::Error::from(error).context("asking iam's database, which iam prepares at its start")
        }
        error => error.into(),
    }
}
