//! Access control lists: the rights of the broker's users.
//!
//! No maintained Rust client creates ACLs, and each call of Kafka's own tool starts a Java process. So this module
//! encodes the three requests itself, in the oldest versions that Kafka 4 accepts.

pub(super) mod protocol;

use std::collections::BTreeSet;

use super::{Config, connection::Connection};

/// An access control entry: allows or denies a user one operation on one resource, from any host. The numbers are
/// Kafka's codes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    resource: i8,
    name: String,
    /// The pattern type: how `name` is matched.
    pattern: i8,
    /// `User:` followed by the user's name.
    principal: String,
    host: String,
    operation: i8,
    permission: i8,
}

/// The resource of an ACL. A name is matched literally; `*` matches all.
#[derive(Clone, Debug)]
pub enum Resource {
    Topic(String),
    Group(String),
    Cluster,
}

/// What this system grants on a resource, with Kafka's codes.
#[derive(Clone, Copy, Debug)]
#[repr(i8)]
pub enum Operation {
    All = 2,
    Read = 3,
    Write = 4,
    Create = 5,
    Describe = 8,
    DescribeConfigs = 10,
}

/// Kafka's codes of a literal name and of the two permissions.
const LITERAL: i8 = 3;
const DENY: i8 = 2;
const ALLOW: i8 = 3;

impl Acl {
    pub fn allow(user: &str, operation: Operation, resource: Resource) -> Self {
        Self::new(ALLOW, user, operation, resource)
    }

    /// A denial takes precedence over all permissions.
    pub fn deny(user: &str, operation: Operation, resource: Resource) -> Self {
        Self::new(DENY, user, operation, resource)
    }

    fn new(permission: i8, user: &str, operation: Operation, resource: Resource) -> Self {
        let (resource, name) = match resource {
            Resource::Topic(name) => (2, name),
            Resource::Group(name) => (3, name),
            Resource::Cluster => (4, "kafka-cluster".to_owned()),
        };
        let (principal, host) = (format!("User:{user}"), "*".to_owned());
        Self { resource, name, pattern: LITERAL, principal, host, operation: operation as i8, permission }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    pub added: usize,
    pub removed: usize,
}

/// Gives the users in `wanted` exactly these rights: adds missing ones, then removes all other rights of these users.
/// The configured user must be a super user of the broker.
///
/// # Errors
///
/// Returns an error that contains an [`std::io::Error`] if no broker responds. A refusal names Kafka's error code.
pub async fn set_acls(config: &Config, wanted: &BTreeSet<Acl>) -> anyhow::Result<Changed> {
    change(config, wanted, true).await
}

/// Adds the missing rights of `wanted` and removes none, since clients of another version may need more rights.
///
/// # Errors
///
/// Like [`set_acls`].
pub async fn add_acls(config: &Config, wanted: &BTreeSet<Acl>) -> anyhow::Result<Changed> {
    change(config, wanted, false).await
}

async fn change(config: &Config, wanted: &BTreeSet<Acl>, removes_others: bool) -> anyhow::Result<Changed> {
    let mut connection = Connection::open(config).await?;
    let found = protocol::described(connection.call(protocol::DESCRIBE, &protocol::describe_all()).await?)?;
    let users: BTreeSet<&str> = wanted.iter().map(|acl| acl.principal.as_str()).collect();
    let missing: Vec<&Acl> = wanted.difference(&found).collect();
    let is_removed = |acl: &&Acl| removes_others && users.contains(acl.principal.as_str());
    let others: Vec<&Acl> = found.difference(wanted).filter(is_removed).collect();
    if !missing.is_empty() {
        protocol::created(connection.call(protocol::CREATE, &protocol::list(&missing)).await?)?;
    }
    if !others.is_empty() {
        protocol::deleted(connection.call(protocol::DELETE, &protocol::list(&others)).await?)?;
    }
    Ok(Changed { added: missing.len(), removed: others.len() })
}
