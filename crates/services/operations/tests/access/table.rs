//! The tables of docs/access.md.

use std::fmt;

use contracts::gateway::{INTERNAL, ROUTES};
use platform::auth::Access;

use crate::method::{Api, Method, all};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/access.md");

/// A method, which callers it admits (without a session, with a dead session, another user, an operator, the services),
/// and where the gateway serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub method: Method,
    pub cells: [String; 6],
}

/// Returns the rows of the document, under the heading of their service.
pub fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let services: Vec<&'static str> = all().into_iter().map(|(method, _)| method.service).collect();
    let mut rows = Vec::new();
    let mut service = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            service = services.iter().find(|name| **name == heading).copied();
        }
        let Some((service, row)) = service.zip(line.strip_prefix("| `")) else { continue };
        let (name, cells) = row.split_once("` |").unwrap();
        let cells: Vec<String> =
            cells.trim().trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        let cells = cells.try_into().unwrap_or_else(|cells| panic!("{name} has the cells {cells:?}"));
        let api = if name.starts_with('/') { Api::Grpc } else { Api::Http };
        rows.push(Row { method: Method { service, api, name: name.to_owned() }, cells });
    }
    rows
}

impl Row {
    /// Returns the row of the system's decisions: on four callers, and on the `asked` services, of which `admitted`
    /// were admitted.
    pub fn seen(method: Method, access: Access, decisions: Vec<String>, admitted: &[&str], asked: usize) -> Self {
        let services = match admitted.len() {
            0 => "none".to_owned(),
            all if all == asked => "all".to_owned(),
            _ => admitted.join(", "),
        };
        let cells: Vec<String> = decisions.into_iter().chain([services, at_gateway(&method, access)]).collect();
        Self { method, cells: cells.try_into().unwrap() }
    }

    /// Returns true if another user gets the response that the resource does not exist.
    pub fn hides(&self) -> bool {
        ["NotFound", "404"].contains(&self.cells[2].as_str())
    }
}

/// Returns where callers outside reach the method.
fn at_gateway(method: &Method, access: Access) -> String {
    let route = ROUTES.iter().find(|route| route.rpc == method.name);
    match (route, method.api, access) {
        (Some(route), ..) => format!("`{} {}`", route.verb, route.path),
        (None, Api::Http, _) if method.service == "order" || method.name.contains(" /console") => "same".to_owned(),
        (None, _, Access::Services(_) | Access::Gateway) => "none".to_owned(),
        (None, ..) if INTERNAL.contains(&method.service) => "none".to_owned(),
        (None, ..) => "own port".to_owned(),
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| `{}` | {} |", self.method.name, self.cells.join(" | "))
    }
}
