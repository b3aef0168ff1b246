//! The customers whose latency is measured: registered users with their own connections, whose requests arrive at a
//! constant rate.

mod arrivals;
mod request;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::account::Account;
use anyhow::Context as _;
use client::{
    addresses::ShopAddresses,
    customer::{self, Customer as Visitor},
    shop::Shop,
};
use tokio::{sync::Semaphore, time::Instant};
use uuid::Uuid;

use self::request::Kind;
use crate::attack::attacker::Session;

/// How often a registration is attempted. iam may still be busy with registrations of an earlier run.
const MAX_TRIES: usize = 5;
/// How long the shop may take to recover from an attack, and the longest latency of a recovered shop.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_RECOVERED_LATENCY: Duration = Duration::from_millis(250);
const QUICK_IN_A_ROW: usize = 10;

pub(crate) struct Customers {
    addresses: ShopAddresses,
    all: Vec<Arc<Customer>>,
    /// A client that opens a new connection for each request.
    visitor: Shop,
}

struct Customer {
    account: Account,
    login: String,
    password: String,
    /// The part in its orders.
    part: Uuid,
    /// Orders that are not cancelled yet.
    orders: Mutex<VecDeque<Uuid>>,
}

impl Customers {
    /// Registers `count` customers. Fails with one sentence if no shop answers.
    pub async fn register(addresses: &ShopAddresses, count: usize) -> anyhow::Result<Self> {
        let first = addresses.shop()?;
        customer::find(&first).await?;
        let mut all = Vec::new();
        for _ in 0..count.max(1) {
            all.push(Arc::new(Customer::register(addresses).await?));
        }
        let visits = addresses.trust.http().timeout(request::REQUEST_TIMEOUT).pool_max_idle_per_host(0).build()?;
        Ok(Self { addresses: addresses.clone(), all, visitor: first.through(visits) })
    }

    /// Waits until the shop has recovered from an attack: until ten requests in a row are answered quickly, for at most
    /// half a minute.
    pub async fn settle(&self) {
        let (until, mut quick) = (Instant::now() + RECOVERY_TIMEOUT, 0);
        for kind in [Kind::Read, Kind::Whoami, Kind::Parts, Kind::Visit].into_iter().cycle() {
            let begun = Instant::now();
            let answer = kind.send(self, self.all[0].clone()).await;
            quick = if answer.is_ok() && begun.elapsed() < MAX_RECOVERED_LATENCY { quick + 1 } else { 0 };
            if quick == QUICK_IN_A_ROW || Instant::now() > until {
                return;
            }
            tokio::time::sleep(MAX_RECOVERED_LATENCY / 5).await;
        }
    }

    pub fn logins(&self) -> Vec<String> {
        self.all.iter().map(|customer| customer.login.clone()).collect()
    }

    /// Registers another user, and returns its session for the attacker.
    pub async fn attacker(&self) -> anyhow::Result<Session> {
        let Customer { account: Account { user, session, .. }, part, .. } = Customer::register(&self.addresses).await?;
        Ok(Session { user, session, part })
    }
}

impl Customer {
    async fn register(addresses: &ShopAddresses) -> anyhow::Result<Self> {
        let mut last = Self::try_register(addresses).await;
        for _ in 1..MAX_TRIES {
            if last.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            last = Self::try_register(addresses).await;
        }
        last.context("a customer cannot register and log in")
    }

    async fn try_register(addresses: &ShopAddresses) -> anyhow::Result<Self> {
        let shop = addresses.shop()?;
        let visitor = Visitor::fresh("attack");
        let (user, login) = visitor.register(&shop).await?;
        let (session, _) = visitor.log_in(&shop).await?;
        let (parts, _) = customer::parts(&shop, &session).await?;
        let part = parts.first().context("the shop has no part")?.uuid.parse().context("a part's uuid is none")?;
        // The rate alone limits the requests, so the number of connections is unlimited.
        let connections = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let account = Account { shop, user, session, connections };
        Ok(Self { account, login, password: visitor.password, part, orders: Mutex::default() })
    }

    fn orders(&self) -> MutexGuard<'_, VecDeque<Uuid>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
