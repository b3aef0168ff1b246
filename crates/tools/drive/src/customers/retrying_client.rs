//! A customer's HTTP client: retries a request under one idempotency key until its final response.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use platform::{
    http::{self, REQUEST_TIMEOUT},
    ids,
};
use rand::rngs::SmallRng;
use reqwest::Method;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    account::{Account, backoff},
    counters::Class,
    in_flight::Operation,
    journal::Journal,
    outcome::outcome_of,
    request::Request,
};
use client::{response::HttpResponse, shop::Shop};

/// A response after which a request is not retried.
#[derive(Clone, Debug, PartialEq)]
pub enum Final {
    /// The body of a success.
    Done(Value),
    Declined,
    /// An expected refusal, such as insufficient stock.
    Refused,
    /// A response that violates the API contract.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// One request at a time over a keep-alive connection. A stopping server must announce it in a response.
    Http1,
    /// All requests multiplexed over one connection, with prior knowledge of HTTP/2.
    Http2,
}

impl Protocol {
    /// Returns a customer's protocol: every other customer uses HTTP/2.
    pub fn for_customer(customer: usize) -> Self {
        if customer.is_multiple_of(2) { Self::Http2 } else { Self::Http1 }
    }
}

pub struct RetryingClient {
    pub shop: Shop,
    pub journal: Arc<Journal>,
    pub account: Account,
    protocol: Protocol,
}

impl RetryingClient {
    pub fn new(shop: Shop, journal: Arc<Journal>, account: Account, protocol: Protocol) -> anyhow::Result<Self> {
        Ok(Self { shop: shop.through(client(protocol)?), journal, account, protocol })
    }

    /// Opens a new connection, which may lead to another replica. Requests that do not overlap share a connection.
    pub fn reconnect(&mut self) -> anyhow::Result<()> {
        self.shop = self.shop.clone().through(client(self.protocol)?);
        Ok(())
    }

    /// Retries the request under its key until the final response.
    pub async fn ask(&self, request: &Request, operation: &Operation, mut rng: SmallRng) -> Final {
        let mut stale: Option<String> = None;
        loop {
            let session = self.account.session(stale.as_deref(), &self.journal, &mut rng).await;
            let answer = self.send(request, &session).await;
            let outcome = outcome_of(request, answer);
            self.journal.count(request.kind, outcome.class);
            operation.tried(outcome.said);
            if let Some(violation) = outcome.violation {
                self.journal.violation(violation);
            }
            match outcome.class {
                Class::Succeeded => return Final::Done(outcome.body),
                Class::Declined => return Final::Declined,
                Class::Refused => return Final::Refused,
                Class::Unexpected => return Final::Broken,
                Class::SessionLost => stale = Some(session),
                Class::Unavailable | Class::Unknown | Class::Unanswered | Class::InProgress | Class::ServerError => {}
            }
            sleep(backoff(&mut rng)).await;
        }
    }

    /// Sends the request once with an unknown session id, which the shop must reject.
    pub async fn intrude(&self, request: &Request, operation: &Operation) {
        let answer = self.send(request, &ids::random().to_string()).await;
        let outcome = outcome_of(request, answer);
        operation.tried(outcome.said.as_str());
        match outcome.class {
            // The session id was invented, so the customer lost no session.
            Class::SessionLost => self.journal.count(request.kind, Class::Refused),
            Class::Unavailable | Class::Unanswered => self.journal.count(request.kind, outcome.class),
            class => {
                let class = if class == Class::ServerError { class } else { Class::Unexpected };
                self.journal.count(request.kind, class);
                self.journal.violation(format!("{request} without a living session answered {}", outcome.said));
            }
        }
    }

    async fn send(&self, request: &Request, session: &str) -> anyhow::Result<HttpResponse> {
        let Request { method, path, key, body, .. } = request;
        let _waiting = self.journal.wait();
        self.shop.ask_under(key.as_deref(), Method::clone(method), path, Some(session), body.clone()).await
    }
}

/// Returns an HTTP client that keeps one connection.
fn client(protocol: Protocol) -> anyhow::Result<reqwest::Client> {
    let builder = http::client_builder();
    let builder = match protocol {
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_prior_knowledge(),
    };
    let builder = builder
        .pool_max_idle_per_host(1)
        // These connections use no TLS, and reading the system's certificates is slow.
        .tls_certs_only([])
        .http2_keep_alive_interval(Duration::from_secs(5))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .connect_timeout(Duration::from_secs(2))
        .timeout(REQUEST_TIMEOUT + Duration::from_secs(2));
    builder.build().context("making an HTTP client")
}
