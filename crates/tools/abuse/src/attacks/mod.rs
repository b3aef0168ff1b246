//! The attacks, one file each. An attack reopens each connection that the server closes. Dropping the attack closes its
//! sockets.

mod accounts;
mod garbage;
mod guesses;
mod idle_connections;
mod idle_streams;
mod leaving;
mod one_session;
mod oversized;
mod rapid_resets;
mod slow_bodies;
mod slow_headers;
mod tokens;
mod unread_answers;
mod whole_bodies;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::attacker::{self, Attacker};

#[derive(Clone, Copy)]
pub struct Attack {
    pub name: &'static str,
    /// A description of the attack at scale 1.
    pub what: &'static str,
    /// The most concurrent connections of the attack at scale 1.
    pub connections: u32,
    pub work: fn(Arc<Attacker>) -> BoxFuture<'static, ()>,
}

impl Attack {
    /// Returns how many open files the attack needs.
    pub(crate) fn descriptors(&self, scale: f64) -> u64 {
        attacker::scaled(self.connections, scale).into()
    }
}

macro_rules! attack {
    ($name:literal, $connections:expr, $what:literal, $work:path) => {
        Attack { name: $name, what: $what, connections: $connections, work: |attacker| Box::pin($work(attacker)) }
    };
}

/// Returns all attacks, in the order in which they run.
pub fn all() -> Vec<Attack> {
    vec![
        attack!("watch-few", 5, "4 096 idle Health/Watch streams at iam over 5 connections", idle_streams::over_few),
        attack!(
            "watch-many",
            512,
            "4 096 idle Health/Watch streams at iam over 512 connections",
            idle_streams::over_many
        ),
        attack!("idle", 5000, "5 000 connections that send nothing", idle_connections::hold),
        attack!(
            "slow-headers",
            1000,
            "1 000 requests at order, a byte of header every two seconds",
            slow_headers::http1
        ),
        attack!(
            "slow-headers-2",
            1000,
            "1 000 connections at iam with half a preface or unfinished HEADERS",
            slow_headers::http2
        ),
        attack!("slow-bodies", 600, "600 half-sent bodies at order under one session", slow_bodies::hold),
        attack!("one-session", 600, "600 requests in flight at order under one session", one_session::flood),
        attack!(
            "leaving",
            40,
            "40 clients that reset their orders after milliseconds and repeat them",
            leaving::repeat
        ),
        attack!(
            "unread-answers",
            unread_answers::CONNECTIONS,
            "4 000 answers of 30 kB at order that are not read, over 16 connections",
            unread_answers::hold
        ),
        attack!("whole-bodies", 8, "gRPC messages of 250 kB at inventory, 200 at once", whole_bodies::send),
        attack!("rapid-resets", 10, "10 000 streams a second at iam, each reset at once", rapid_resets::flood),
        attack!("big-metadata", 16, "1 MB of metadata in each call and request", oversized::metadata),
        attack!("big-messages", 8, "gRPC messages of 4 MB", oversized::messages),
        attack!("baggage", 16, "10 kB of baggage and a malformed traceparent in each request", oversized::baggage),
        attack!("fat-users", 4, "accounts with 16 contacts of 512 bytes, logged in, from one address", accounts::fat),
        attack!("fill-redis", 4, "the largest accounts, logged in, from up to 256 addresses", accounts::fill),
        attack!("token-flood", 16, "requests at order with a forged service token", tokens::flood),
        attack!("issue-flood", 16, "access tokens issued at iam in a loop under one session", tokens::issue),
        attack!("spray", 2, "wrong passwords of many logins from the customers' own address", guesses::spray),
        attack!("lock-keeper", 2, "wrong passwords of the customers' logins", guesses::lock),
        attack!("garbage", 600, "600 connections with random bytes or half a TLS handshake", garbage::hold),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_have_names_of_their_own() {
        let mut names: Vec<_> = all().iter().map(|attack| attack.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();

        assert_eq!(names.len(), count);
    }
}
