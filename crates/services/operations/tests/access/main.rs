//! Compares docs/access.md with the code and with a running system: who may call each method.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod method;
mod system;
mod table;

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use method::{Api, Method};
use operations::registry::SERVICES;
use platform::auth::Access;
use system::{Caller, System};
use table::Row;
use tonic::{Code, Status};

/// The access decision that a response shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// The guard admitted the call. The method may still have refused it.
    Admitted,
    Grpc(Code),
    Http(u16),
}

impl Decision {
    fn of_grpc(response: Result<(), &Status>) -> Self {
        match response.map_err(Status::code) {
            Err(
                code @ (Code::Unauthenticated
                | Code::PermissionDenied
                | Code::NotFound
                | Code::Unimplemented
                | Code::Unavailable
                | Code::Internal),
            ) => Self::Grpc(code),
            _ => Self::Admitted,
        }
    }

    fn of_http(status: u16) -> Self {
        match status {
            401 | 403 | 404 | 405 | 500..=599 => Self::Http(status),
            _ => Self::Admitted,
        }
    }

    /// Returns true if the response says that the requested resource does not exist.
    fn hides(self) -> bool {
        matches!(self, Self::Grpc(Code::NotFound) | Self::Http(404))
    }

    /// Returns true if the guard admitted a service. A resource that does not exist counts as admission.
    fn admits_service(self) -> bool {
        self == Self::Admitted || self.hides()
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admitted => f.write_str("admitted"),
            Self::Grpc(code) => write!(f, "{code:?}"),
            Self::Http(status) => write!(f, "{status}"),
        }
    }
}

/// Returns the identities of callers: the services, the tool, and `stranger`, an unknown identity.
fn identities() -> Vec<&'static str> {
    SERVICES.iter().map(|service| service.name).chain(["shipyard", "stranger"]).collect()
}

#[test]
fn every_method_that_is_described_has_one_rule_and_every_rule_is_of_a_method() {
    let ruled = method::all();
    let described = method::described();

    let names: Vec<&Method> = ruled.iter().map(|(method, _)| method).collect();
    let unique: BTreeSet<&Method> = names.iter().copied().collect();
    assert_eq!(unique.len(), names.len(), "a method has two rules");
    let missing: Vec<_> = described.iter().filter(|method| !unique.contains(method)).collect();
    assert!(missing.is_empty(), "add a rule for each of these, and a row in docs/access.md: {missing:?}");
    let unknown: Vec<_> =
        unique.iter().filter(|method| method.api == Api::Grpc && !described.contains(**method)).collect();
    assert!(unknown.is_empty(), "there is no such RPC: {unknown:?}");
}

#[test]
fn the_rules_name_services_that_there_are() {
    for (method, access) in method::all() {
        for name in access.services() {
            assert!(identities().contains(name) && *name != "stranger", "{method:?} admits {name}");
        }
    }
}

#[test]
fn iam_tells_each_service_with_a_rule_for_users_who_calls() {
    let rules = method::all();
    let (_, of_lookup) = rules.iter().find(|(method, _)| method.name.ends_with("/ListOwners")).unwrap();
    for (method, access) in &rules {
        let is_for_users = matches!(access, Access::Session(_) | Access::Operator(_)) && method.service != "iam";
        let may_ask = of_lookup.services().contains(&method.service);
        assert!(may_ask || !is_for_users, "add {} to GUARDED in crates/services/iam/src/api/guard.rs", method.service);
    }
}

#[test]
fn the_table_has_one_row_for_each_rule() {
    let mut ruled: Vec<Method> = method::all().into_iter().map(|(method, _)| method).collect();
    let mut rows: Vec<Method> = table::rows().into_iter().map(|row| row.method).collect();

    ruled.sort();
    rows.sort();
    assert_eq!(rows, ruled, "docs/access.md has a row for each method that has a rule, and no other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_answers_every_caller_as_the_table_says() {
    let mut rows = table::rows();
    // These methods end the sessions of the test, so they come last.
    rows.sort_by_key(|row| row.method.name.contains("logout"));
    let ruled: HashMap<Method, Access> = method::all().into_iter().collect();
    let system = System::start().await;
    let mut calls = 0;
    let mut wrong = Vec::new();
    for row in &rows {
        let access = *ruled.get(&row.method).unwrap_or_else(|| panic!("{:?} has no rule", row.method));
        let mut seen = Vec::new();
        for caller in [Caller::Anonymous, Caller::Dead, Caller::Another, Caller::Operator] {
            seen.push(system.ask(&row.method, caller).await.to_string());
            calls += 1;
        }
        let mut admitted = Vec::new();
        for name in identities() {
            calls += 1;
            if system.ask(&row.method, Caller::Service(name)).await.admits_service() {
                admitted.push(name);
            }
        }
        let seen = Row::seen(row.method.clone(), access, seen, &admitted, identities().len());
        if seen.cells != row.cells {
            wrong.push(format!("{row}\n{seen}"));
        }
        // A resource that is hidden from another user exists for its owner.
        if row.hides() {
            calls += 1;
            let owner = system.ask(&row.method, Caller::Owner).await;
            assert!(!owner.hides(), "{:?} hides its resource from the owner, too", row.method);
        }
    }
    println!("{calls} calls of {} methods", rows.len());
    assert!(
        wrong.is_empty(),
        "the row of docs/access.md, and below it the responses of the system:\n{}",
        wrong.join("\n")
    );
}
