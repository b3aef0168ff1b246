//! The path of a request in logs, traces and the audit trail: without ids of customers, which would outlive the erasure
//! of the customer's data. Some shops use logins as ids.

use std::borrow::Cow;

use axum::extract::MatchedPath;
use http::{Extensions, Uri};

/// In bytes; longer than the path of any route.
const MAX_LENGTH: usize = 256;
/// A route's parameter after this segment is the id of a customer.
const CUSTOMERS: &str = "customers";

/// Returns the path of a request as logs show it.
pub(crate) fn shown<'p>(extensions: &Extensions, uri: &'p Uri) -> Cow<'p, str> {
    match extensions.get::<MatchedPath>() {
        Some(route) => without_customers(route.as_str(), uri.path()),
        None => cut(uri.path()),
    }
}

/// Returns `path` with the ids of customers replaced by the names of the `route`'s parameters.
fn without_customers<'p>(route: &str, path: &'p str) -> Cow<'p, str> {
    let names: Vec<&str> = route.split('/').collect();
    if !names.contains(&CUSTOMERS) {
        return cut(path);
    }
    let mut before = "";
    let segments = names.iter().zip(path.split('/')).map(|(name, value)| {
        let is_customer = before == CUSTOMERS && name.starts_with('{');
        before = name;
        if is_customer { *name } else { value }
    });
    let shown = segments.collect::<Vec<_>>().join("/");
    Cow::Owned(cut(&shown).into_owned())
}

fn cut(path: &str) -> Cow<'_, str> {
    Cow::Borrowed(&path[..path.floor_char_boundary(MAX_LENGTH)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_shows_every_parameter_but_the_id_of_a_customer() {
        let shown = |route, path| without_customers(route, path).into_owned();

        assert_eq!(shown("/customers/{id}/erase", "/customers/ann%2F1/erase"), "/customers/{id}/erase");
        assert_eq!(shown("/api/customers/{id}", "/api/customers/ann"), "/api/customers/{id}");
        assert_eq!(shown("/orders/{id}", "/orders/17"), "/orders/17");
        assert_eq!(shown("/customers/all/{page}", "/customers/all/3"), "/customers/all/3");
        assert_eq!(shown("/{*rest}", &format!("/{}", "é".repeat(200))).len(), 255);
    }
}
