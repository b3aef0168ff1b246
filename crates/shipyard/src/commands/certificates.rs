//! `shipyard certificates`: creates and renews the certificates of the services, the gateway, the stores and their
//! operators.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::Context as _;
use certificates::{Change, Directory, Owner, Plan, Subject};
use operations::registry::SERVICES;
use platform::clock;

use crate::data::Data;

/// Servers that call no service.
const STORES: [&str; 3] = ["postgres", "redis", "kafka"];
/// Callers that are not in the registry: the gateway, and this program, which calls services under its own identity.
const OTHERS: [&str; 2] = ["gateway", "shipyard"];
/// The subject of the one certificate that all operators use. It calls on behalf of users, whom their sessions identify.
const OPERATOR: &str = "operator";

const CA_LIFETIME: Duration = Duration::from_hours(10 * 365 * 24);
/// The lifetime of a certificate that identifies a caller. It is short, since nothing revokes a stolen one.
const LIFETIME: Duration = Duration::from_hours(24);
/// The lifetime of a store's certificate.
const STORE_LIFETIME: Duration = Duration::from_hours(90 * 24);

#[derive(clap::Args)]
pub struct Arguments {
    /// Directory of the files (default: certificates in the data directory)
    directory: Option<PathBuf>,
    /// Renew all certificates
    #[arg(long)]
    renew: bool,
    /// Make this user and group own the files of NAME; without NAME, the files of all other names
    #[arg(long, value_name = "[NAME=]USER:GROUP")]
    owner: Vec<For<Owner>>,
    /// Add this DNS name or IP address to the certificate of NAME
    #[arg(long, value_name = "NAME=HOST")]
    host: Vec<For<String>>,
}

/// A value for the subject of this name, or for all other subjects.
#[derive(Clone)]
struct For<T> {
    name: Option<String>,
    value: T,
}

pub fn run(arguments: Arguments, data: &Data) -> anyhow::Result<()> {
    let Arguments { directory, renew, owner, host } = arguments;
    let subjects = subjects(&host)?;
    if let Some(unknown) = owner.iter().filter_map(|own| own.name.as_deref()).find(|name| !is_known(&subjects, name)) {
        anyhow::bail!("--owner: unknown certificate {unknown}");
    }
    let path = directory.unwrap_or_else(|| data.path().join("certificates"));
    let plan = Plan {
        now: clock::now().into(),
        ca_lifetime: CA_LIFETIME,
        lifetime: LIFETIME,
        store_lifetime: STORE_LIFETIME,
        renew,
    };
    let directory = Directory::open(&path, plan)?;
    outln!("{:<14}{}", "authority", if directory.is_new { "made" } else { "kept" });
    let own = |subject: &Subject| {
        let own = owner.iter().find(|own| own.name.as_deref() == Some(&subject.name));
        own.or_else(|| owner.iter().find(|own| own.name.is_none())).map(|own| own.value)
    };
    for subject in &subjects {
        let change =
            directory.ensure(subject, own(subject)).with_context(|| format!("the certificate of {}", subject.name))?;
        let done = match change {
            Change::Kept => "kept".to_owned(),
            Change::Made => "made".to_owned(),
            Change::Renewed(reason) => format!("renewed: {reason}"),
        };
        outln!("{:<14}{done}", subject.name);
    }
    outln!("\nThe files are in {}", path.display());
    Ok(())
}

/// Every subject that has a certificate.
fn subjects(hosts: &[For<String>]) -> anyhow::Result<Vec<Subject>> {
    let services = SERVICES.iter().map(|service| service.name).chain(OTHERS).map(Subject::service);
    let stores = STORES.into_iter().map(Subject::store);
    let mut subjects: Vec<Subject> = services.chain(stores).chain([Subject::client(OPERATOR)]).collect();
    for For { name, value } in hosts {
        let name = name.as_deref().context("--host: is not NAME=HOST")?;
        let subject = subjects.iter_mut().find(|subject| subject.name == name && !subject.hosts.is_empty());
        let subject = subject.with_context(|| format!("--host: unknown server {name}"))?;
        *subject = subject.clone().with_host(value);
    }
    Ok(subjects)
}

fn is_known(subjects: &[Subject], name: &str) -> bool {
    subjects.iter().any(|subject| subject.name == name)
}

impl<T: FromStr> FromStr for For<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        let (name, value) = text.split_once('=').map_or((None, text), |(name, value)| (Some(name.to_owned()), value));
        Ok(Self { name, value: value.parse()? })
    }
}
