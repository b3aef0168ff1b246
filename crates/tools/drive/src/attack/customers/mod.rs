//! The customers whose latency is measured: registered users with their own connections, whose requests arrive at a
//! constant rate, whether or not earlier ones were answered.

mod request;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use client::{addresses::ShopAddresses, customer, shop::Shop};
use tokio::time::Instant;
use uuid::Uuid;

use self::request::{Kind, REQUEST_TIMEOUT};
use crate::{
    account::{Account, Failure},
    arrivals::{Schedule, open_loop},
    attack::{Phases, attacker::Session, report::Phase},
    load::register,
};

/// The shop must recover from an attack within this time.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest latency of a recovered shop.
const MAX_RECOVERED_LATENCY: Duration = Duration::from_millis(250);
const QUICK_IN_A_ROW: usize = 10;
/// The number of requests that may be in flight beyond those that arrive within one time limit.
const SPARE_REQUESTS: usize = 64;
const TOO_MANY: Failure = Failure::Borrowed("too many requests wait");

pub(crate) struct Customers {
    addresses: ShopAddresses,
    all: Vec<Arc<Customer>>,
    /// A client that opens a new connection for each request.
    visitor: Shop,
    /// The session of one more user, who attacks.
    pub attacker: Session,
}

struct Customer {
    account: Account,
    /// The part in its orders.
    part: Uuid,
    /// Orders that are not cancelled yet.
    orders: Mutex<VecDeque<Uuid>>,
}

impl Customers {
    /// Registers `count` customers and the attacker. Fails with one sentence if no shop responds.
    pub async fn register(addresses: &ShopAddresses, count: usize) -> anyhow::Result<Self> {
        let first = addresses.shop()?;
        customer::find(&first).await?;
        let shops: Vec<Shop> = (0..=count).map(|_| addresses.shop()).collect::<anyhow::Result<_>>()?;
        // The rate alone limits the requests, so the number of connections is unlimited.
        let mut accounts = register(&shops, shops.len(), usize::MAX).await?;
        let Account { shop, user, session, .. } = accounts.pop().context("the attacker is not registered")?;
        let (parts, _) = customer::parts(&shop, &session).await?;
        let part = parts.first().context("the shop has no part")?.uuid.parse().context("a part's uuid is none")?;
        let all = accounts.into_iter().map(|account| Arc::new(Customer { account, part, orders: Mutex::default() }));
        let visits = addresses.trust.http().timeout(REQUEST_TIMEOUT).pool_max_idle_per_host(0).build()?;
        Ok(Self {
            addresses: addresses.clone(),
            all: all.collect(),
            visitor: first.through(visits),
            attacker: Session { user, session, part },
        })
    }

    /// Waits until the shop has recovered from an attack: until ten requests in a row are answered quickly, for at most
    /// half a minute.
    pub async fn settle(&self) {
        let (until, mut quick) = (Instant::now() + RECOVERY_TIMEOUT, 0);
        for kind in [Kind::Read, Kind::Whoami, Kind::Parts, Kind::Visit].into_iter().cycle() {
            let begun = Instant::now();
            let response = kind.send(self, self.all[0].clone()).await;
            quick = if response.is_ok() && begun.elapsed() < MAX_RECOVERED_LATENCY { quick + 1 } else { 0 };
            if quick == QUICK_IN_A_ROW || Instant::now() > until {
                return;
            }
            tokio::time::sleep(MAX_RECOVERED_LATENCY / 5).await;
        }
    }

    pub fn logins(&self) -> Vec<String> {
        self.all.iter().map(|customer| customer.account.login.clone()).collect()
    }

    /// Sends `rate` requests per second during all phases. Returns when the last one is answered or has timed out.
    pub async fn arrivals(&self, phases: Phases, rate: u32) -> [Phase; 3] {
        let most = u64::from(rate) * (REQUEST_TIMEOUT.as_secs() + 1);
        let most = usize::try_from(most).unwrap_or(0) + SPARE_REQUESTS;
        let request = |number, _| {
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            let kind = Kind::from_number(number, rate);
            let customer = self.all[number / Kind::ROUND_LENGTH % self.all.len()].clone();
            (kind.name(), kind.send(self, customer))
        };
        let mut measured = <[Phase; 3]>::default();
        open_loop(Schedule { rate, length: phases.total() }, most, request, |arrival| {
            let failure = arrival.outcome.unwrap_or(Err(TOO_MANY)).err();
            let phase = &mut measured[phases.at(arrival.due)];
            phase.record(arrival.kind, arrival.sent_late, arrival.latency, failure);
        })
        .await;
        measured
    }
}

impl Customer {
    fn orders(&self) -> MutexGuard<'_, VecDeque<Uuid>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
