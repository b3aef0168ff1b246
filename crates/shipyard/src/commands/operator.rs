//! `shipyard operator`: grants and revokes the role `operator`, in iam's database.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::Subcommand;
use contracts::ids::UserId;
use iam::{
    config::{Hashing as Cost, Own},
    error::Error,
    hashing::Hashing,
    model::{Password, User, UserInfo},
    repository::PgUsers,
    service::OperatorService,
};
use platform::{
    auth::Author,
    clock,
    config::{self, Settings},
    ids, random, telemetry,
};
use uuid::Uuid;

use super::login::{ask_new_password, read_password};
use crate::data::Data;

#[derive(Subcommand)]
pub enum Command {
    /// Create a user with the role, or grant it to an existing user
    Add(Add),
    /// Revoke a user's role, also in the sessions that are open
    Remove {
        /// Login of the user, exactly as it is registered
        login: String,
    },
    /// List the users with the role
    List,
}

#[derive(clap::Args)]
pub struct Add {
    /// Login of the operator
    login: String,
    /// Grant the role to the existing user with this uuid, whose login must be LOGIN exactly
    #[arg(long, value_name = "USER_UUID", conflicts_with_all = ["email", "password_file"])]
    adopt: Option<Uuid>,
    /// The new user's e-mail address (default: the login, if it is an address, else LOGIN@operator.invalid)
    #[arg(long)]
    email: Option<String>,
    /// File with the new user's password (default: ask for it on the terminal)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub async fn run(command: Command, data: Data) -> anyhow::Result<()> {
    let settings = data.running(config::load()?).or("LOG_LEVEL", "error");
    // iam's security events go to this command's log.
    let _telemetry = telemetry::start("shipyard", &settings.read()?)?;
    let database = iam::SERVICE.pool("shipyard-operator", 1, &settings).with_context(|| data.advice())?;
    let service = OperatorService::new(PgUsers::new(database.clone()), Author::command_line());
    match command {
        Command::Add(Add { login, adopt: Some(user), .. }) => adopt(&service, UserId::new(user), &login).await,
        Command::Add(new) => create(&service, &settings, new).await,
        Command::Remove { login } => remove(&service, &login).await,
        Command::List => list(&service).await,
    }?;
    database.close().await;
    Ok(())
}

async fn create(service: &OperatorService, settings: &Settings, new: Add) -> anyhow::Result<()> {
    let Add { login, email, password_file, .. } = new;
    let email = email.unwrap_or_else(|| default_email(&login));
    let info = UserInfo::new(login.clone(), email, Vec::new())?;
    let least = settings.read::<Own>()?.check_password_min()?;
    let hashing = Hashing::new(&settings.read::<Cost>()?)?;

    // Rejects the login before the command asks for a password.
    service.check(&login).await.map_err(|error| explain(error, &login))?;
    let password = match password_file {
        Some(path) => read_password(&path)?,
        None => ask_new_password(&login)?,
    };
    let password = Password::chosen("password", password, [&info.login, &info.email], least)?;
    let user = User::new(UserId::new(ids::ordered()), info, clock::now());
    let id = user.id;
    service.create(user, &hashing, password, random::secret()).await.map_err(|error| explain(error, &login))?;
    outln!("{login} is an operator: user {id}");
    Ok(())
}

async fn adopt(service: &OperatorService, user: UserId, login: &str) -> anyhow::Result<()> {
    let is_changed = match service.adopt(user, login).await {
        Err(Error::UserNotFound) => bail!("no user {user} has exactly the login {login}, nothing was changed"),
        adopted => adopted.map_err(|error| explain(error, login))?,
    };
    let from = if is_changed { "from the next login on" } else { "already" };
    outln!("{login} is an operator {from}: user {user}");
    Ok(())
}

async fn remove(service: &OperatorService, login: &str) -> anyhow::Result<()> {
    match service.remove(login).await {
        Ok(Some(user)) => outln!("{login} is no operator any more: user {user}"),
        Ok(None) | Err(Error::UserNotFound) => bail!("no operator has exactly the login {login}, nothing was changed"),
        Err(error) => return Err(explain(error, login)),
    }
    Ok(())
}

async fn list(service: &OperatorService) -> anyhow::Result<()> {
    for operator in service.list().await.map_err(|error| explain(error, ""))? {
        let disabled = if operator.is_disabled { "  disabled" } else { "" };
        outln!("{}  {}  since {}{disabled}", operator.id, operator.login, operator.since.format("%Y-%m-%d %H:%M UTC"));
    }
    Ok(())
}

/// The login if it is an address, otherwise an address below the domain `invalid`, which no host has, so that it cannot
/// be a stranger's.
fn default_email(login: &str) -> String {
    if login.contains('@') { login.to_owned() } else { format!("{login}@operator.invalid") }
}

fn explain(error: Error, login: &str) -> anyhow::Error {
    match error {
        Error::LoginTaken => anyhow!(
            "the login {login} is registered already, nothing was changed; give its user the role with --adopt USER_UUID, if it is not a stranger's"
        ),
        Error::Database(_) => {
            anyhow::Error::from(error).context("asking iam's database, which iam prepares at its start")
        }
        error => error.into(),
    }
}
