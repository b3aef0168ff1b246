//! Where a customer asks: a request is tried until its final answer.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use platform::{http::REQUEST_LIMIT, ids};
use rand::rngs::SmallRng;
use reqwest::Method;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    account::{Account, pause},
    gate::Ticket,
    judge::judge,
    memory::Memory,
    requests::Request,
    tally::Class,
};
use crate::commands::demo::{answer::Answer, shop::Shop};

/// An answer after which a request is not tried again.
#[derive(Clone, Debug, PartialEq)]
pub enum Final {
    /// The body of a success.
    Done(Value),
    /// A payment was declined.
    Declined,
    /// A refusal that is part of life.
    Refused,
    /// An answer that breaks the contract.
    Broken,
}

pub struct Desk {
    pub shop: Shop,
    pub memory: Arc<Memory>,
    pub account: Account,
}

impl Desk {
    pub fn new(shop: Shop, memory: Arc<Memory>, account: Account) -> anyhow::Result<Self> {
        Ok(Self { shop: shop.through(client()?), memory, account })
    }

    /// Goes on over a new connection, which may lead to another replica: over HTTP/2 one connection takes all requests.
    pub fn reconnect(&mut self) -> anyhow::Result<()> {
        self.shop = self.shop.clone().through(client()?);
        Ok(())
    }

    /// Tries the request, under its one key, until its final answer.
    pub async fn ask(&self, request: &Request, ticket: &Ticket, mut rng: SmallRng) -> Final {
        let mut stale: Option<String> = None;
        loop {
            let session = self.account.session(stale.as_deref(), &self.shop, &self.memory, &mut rng).await;
            let answer = self.send(request, &session).await;
            let verdict = judge(request, answer);
            self.memory.count(request.kind, verdict.class);
            ticket.tried(verdict.said);
            if let Some(complaint) = verdict.complaint {
                self.memory.surprise(complaint);
            }
            match verdict.class {
                Class::Succeeded => return Final::Done(verdict.body),
                Class::Declined => return Final::Declined,
                Class::Refused | Class::OutOfStock => return Final::Refused,
                Class::Surprising => return Final::Broken,
                Class::SessionLost => stale = Some(session),
                Class::Unavailable | Class::Unknown | Class::Unanswered | Class::InProgress | Class::ServerError => {}
            }
            sleep(pause(&mut rng)).await;
        }
    }

    /// Asks once within a session that nobody has opened, which must get nobody anywhere.
    pub async fn intrude(&self, request: &Request, ticket: &Ticket) {
        let answer = self.send(request, &ids::random().to_string()).await;
        let verdict = judge(request, answer);
        ticket.tried(verdict.said.as_str());
        match verdict.class {
            // The customer's own session is not lost.
            Class::SessionLost => self.memory.count(request.kind, Class::Refused),
            Class::Unavailable | Class::Unanswered => self.memory.count(request.kind, verdict.class),
            class => {
                let class = if class == Class::ServerError { class } else { Class::Surprising };
                self.memory.count(request.kind, class);
                self.memory.surprise(format!("{request} without a living session answered {}", verdict.said));
            }
        }
    }

    async fn send(&self, request: &Request, session: &str) -> anyhow::Result<Answer> {
        let Request { method, path, key, body, .. } = request;
        let _waiting = self.memory.wait();
        self.shop.ask_under(key.as_deref(), Method::clone(method), path, Some(session), body.clone()).await
    }
}

/// A client with one connection. Over HTTP/2 a server that stops takes no request that it will not answer.
fn client() -> anyhow::Result<reqwest::Client> {
    // rustls has its provider since the shop made a client of its own.
    let builder = reqwest::Client::builder()
        .http2_prior_knowledge()
        // There is no TLS here, and the certificates of the machine take long to read.
        .tls_certs_only([])
        .http2_keep_alive_interval(Duration::from_secs(5))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .connect_timeout(Duration::from_secs(2))
        .timeout(REQUEST_LIMIT + Duration::from_secs(2));
    builder.build().context("making an HTTP client")
}
