//! The table of an HTTP API: one row per endpoint, with its access rule, its handler and its description. Routes,
//! access rules and the OpenAPI document are derived from the table.

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, get, on},
};
use utoipa::openapi::{HttpMethod, OpenApi, PathItem, PathsBuilder, ResponseBuilder, path::OperationBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::{
    auth::{Access, Rule},
    http::{health, openapi_pages},
};

pub const PUBLIC: Access = Access::Public;
pub const USER: Access = Access::Session(&[]);
pub const OPERATOR: Access = Access::Operator(&[]);

pub struct Endpoints<S> {
    router: OpenApiRouter<S>,
    access: Vec<(String, Access)>,
}

impl<S: Clone + Send + Sync + 'static> Default for Endpoints<S> {
    fn default() -> Self {
        Self { router: OpenApiRouter::new(), access: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Endpoints<S> {
    #[must_use]
    pub fn described(mut self, access: Access, endpoint: UtoipaMethodRouter<S>) -> Self {
        let (_, paths, _) = &endpoint;
        for (path, item) in &paths.paths {
            let PathItem { get, post, put, patch, delete, .. } = item;
            let methods = [("GET", get), ("POST", post), ("PUT", put), ("PATCH", patch), ("DELETE", delete)];
            let methods = methods.iter().filter(|(_, operation)| operation.is_some());
            self.access.extend(methods.map(|(method, _)| (format!("{method} {path}"), access)));
        }
        Self { router: self.router.routes(endpoint), ..self }
    }

    /// Adds a GET endpoint whose description is one sentence.
    #[must_use]
    pub fn get<T: 'static>(self, access: Access, path: &str, summary: &str, handler: impl Handler<T, S>) -> Self {
        self.summarised(access, (HttpMethod::Get, MethodFilter::GET), path, summary, handler)
    }

    /// Adds a POST endpoint whose description is one sentence.
    #[must_use]
    pub fn post<T: 'static>(self, access: Access, path: &str, summary: &str, handler: impl Handler<T, S>) -> Self {
        self.summarised(access, (HttpMethod::Post, MethodFilter::POST), path, summary, handler)
    }

    fn summarised<T: 'static>(
        self,
        access: Access,
        (method, filter): (HttpMethod, MethodFilter),
        path: &str,
        summary: &str,
        handler: impl Handler<T, S>,
    ) -> Self {
        let response = ResponseBuilder::new().description("What it answers").build();
        let operation = OperationBuilder::new().summary(Some(summary)).response("200", response).build();
        let paths = PathsBuilder::new().path(path, PathItem::new(method, operation)).build();
        self.described(access, (Vec::new(), paths, on(filter, handler)))
    }

    /// Adds a page for people, which the API's description omits.
    #[must_use]
    pub fn page<T: 'static>(mut self, access: Access, path: &str, handler: impl Handler<T, S>) -> Self {
        self.access.push((format!("GET {path}"), access));
        Self { router: self.router.route(path, get(handler)), ..self }
    }

    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.access.extend(other.access);
        Self { router: self.router.merge(other.router), ..self }
    }

    #[must_use]
    pub fn around(self, layer: impl FnOnce(OpenApiRouter<S>) -> OpenApiRouter<S>) -> Self {
        Self { router: layer(self.router), ..self }
    }

    /// Returns the routes without a guard, which [`RequestLimits`](crate::slots::RequestLimits) adds.
    pub fn routes(self) -> Router<S> {
        self.router.into()
    }

    /// Returns `base`, the general description of the API, extended by these endpoints.
    pub fn document(self, base: OpenApi) -> OpenApi {
        OpenApiRouter::with_openapi(base).merge(self.router).into_openapi()
    }

    /// Returns the access rules of these endpoints and of the pages that every API has. Leaks their memory, so call
    /// this once.
    pub fn rules(self) -> Vec<Rule> {
        let own = self.access.into_iter().map(|(method, access)| Rule { method: method.leak(), access });
        own.chain(openapi_pages::RULES).chain(health::PROBE_RULES).collect()
    }
}
