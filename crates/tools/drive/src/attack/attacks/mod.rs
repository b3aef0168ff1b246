//! The attacks. An attack reopens each connection that the server closes. Dropping the attack closes its
//! sockets.

mod accounts;
mod floods;
mod leaving;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::attack::attacker::{self, Attacker};

#[derive(Clone, Copy)]
pub struct Attack {
    pub name: &'static str,
    /// A description of the attack at scale 1.
    pub what: &'static str,
    /// The most concurrent connections of the attack at scale 1.
    pub connections: u32,
    /// The maximum ratio of the customers' p99 during the attack to their p99 before it. A flood takes processor time
    /// from a shop on the same machine, until the shop bounds it.
    pub bound: f64,
    pub work: fn(Arc<Attacker>) -> BoxFuture<'static, ()>,
}

impl Attack {
    /// Returns how many open files the attack needs.
    pub(crate) fn descriptors(&self, scale: f64) -> u64 {
        attacker::scaled(self.connections, scale).into()
    }
}

macro_rules! attack {
    ($name:literal, $connections:literal, $bound:literal, $what:literal, $work:path) => {
        Attack {
            name: $name,
            what: $what,
            connections: $connections,
            bound: $bound,
            work: |attacker| Box::pin($work(attacker)),
        }
    };
}

/// The attacks whose effect only a whole shop shows, in the order in which they run.
pub const ALL: [Attack; 8] = [
    attack!("idle", 5_000, 15.0, "5 000 connections that send nothing, at every entrance", floods::idle),
    attack!("one-session", 600, 200.0, "600 requests in flight at order under one session", floods::one_session),
    attack!(
        "leaving",
        40,
        15.0,
        "40 clients that reset their orders after milliseconds and retry them",
        leaving::repeat
    ),
    attack!("rapid-resets", 10, 200.0, "10 000 streams a second at iam, each reset at once", floods::rapid_resets),
    attack!("token-flood", 16, 15.0, "requests at order with a forged service token", floods::tokens),
    attack!("fill-redis", 4, 10.0, "the largest accounts, logged in, from up to 256 addresses", accounts::fill),
    attack!("spray", 2, 10.0, "wrong passwords of many logins from the customers' own address", accounts::spray),
    attack!("lock-keeper", 2, 10.0, "wrong passwords of the customers' logins", accounts::lock),
];
