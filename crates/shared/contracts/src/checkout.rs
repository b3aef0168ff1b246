//! The path and the errors of the API `/api/orders`, which the order service serves. At the gateway, iam can refuse
//! requests to it.

use platform::http::problem::Problem;
use serde::Serialize;

const BASE: &str = "/api/orders";

pub fn is_checkout_path(path: &str) -> bool {
    path.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A problem that also has its message in the field `error`.
#[derive(Serialize)]
pub struct WithError<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    error: &'a str,
}

impl<'a> From<&'a Problem> for WithError<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self { problem, error: &problem.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_itself_and_paths_below_it_belong_to_the_api() {
        for path in ["/api/orders", "/api/orders/", "/api/orders/1/payment"] {
            assert!(is_checkout_path(path), "{path}");
        }
        for path in ["/api/v1/orders", "/api/ordersx", "/api", "/x/api/orders", ""] {
            assert!(!is_checkout_path(path), "{path}");
        }
    }
}
