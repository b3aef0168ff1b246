//! Query parameters of HTTP requests. Errors name the invalid parameter.

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::{Serializer as _, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::{http::json, problem::Problem};

/// The parameters of a request, which are texts. The rejection is a problem document that names the invalid ones.
pub struct QueryParameters<T>(pub T);

impl<T: DeserializeOwned + ToSchema, S: Sync> FromRequestParts<S> for QueryParameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let parameters: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        // Written as a JSON object, so that errors are explained like those of a body.
        let mut object = Vec::new();
        let written = serde_json::Serializer::new(&mut object).collect_map(parameters);
        written.map_err(|_| Problem::internal())?;
        json::decode(&object).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct Page {
        limit: Option<String>,
    }

    #[tokio::test]
    async fn a_parameter_that_is_unknown_or_repeated_is_named() {
        for (query, said) in [
            ("limt=5", "limt: is not known; did you mean limit?"),
            ("limit=1&limit=2", "limit: must be sent at most once"),
        ] {
            let (mut parts, ()) = Request::get(format!("/orders?{query}")).body(()).unwrap().into_parts();

            let refused = QueryParameters::<Page>::from_request_parts(&mut parts, &()).await.err().unwrap();

            assert_eq!((refused.status, refused.message.as_str()), (400, said));
        }
    }
}
