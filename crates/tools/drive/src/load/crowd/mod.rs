//! The crowd: registered users with sessions who share a bounded number of connections, and their unpaid orders.

mod operation;
mod orders;
mod registration;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, ensure};
use client::{addresses::ShopAddresses, customer, shop::Shop};
use contracts::proto::inventory::v1::{ListPartsRequest, Part};
use futures::stream::{self, StreamExt as _};
use uuid::Uuid;

use self::orders::Orders;
pub use self::{
    orders::MAX_UNPAID,
    registration::{register, register_with},
};
use crate::account::Account;

/// The number of shared gRPC channels to iam and to inventory. Each carries 256 concurrent requests.
const CHANNELS: usize = 4;
/// An idle connection is kept for this long. The shop closes idle connections after 10 s, and no request should be sent
/// on a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// The page size for listing all parts.
const PAGE_SIZE: u32 = 1_000;
/// The number of orders that are created or cancelled concurrently, before and after a measurement.
const MAX_CONCURRENT_ORDERS: usize = 8;

/// The users of a run, their connections and their parts.
#[derive(Clone, Debug)]
pub struct Options {
    pub addresses: ShopAddresses,
    pub users: usize,
    /// The number of HTTP connections that all users share.
    pub connections: usize,
    /// Orders use only the first N parts of the catalogue; `None` means all.
    pub kinds_of_parts: Option<usize>,
}

pub struct Crowd {
    shared: Arc<Shared>,
    /// The parts for orders, with their initial stock.
    parts: Vec<Part>,
}

struct Shared {
    accounts: Vec<Account>,
    parts: Vec<Uuid>,
    orders: Orders,
}

impl Crowd {
    /// Registers users and logs them in. Fails with one sentence if no shop responds.
    pub async fn gather(options: &Options) -> anyhow::Result<Self> {
        ensure!(options.users > 0, "users: there must be one at least");
        customer::find(&options.addresses.shop()?).await?;
        let accounts = register(&shops(options)?, options.users, options.connections).await?;
        let mut parts = parts(&accounts[0]).await.context("listing parts")?;
        parts.truncate(options.kinds_of_parts.unwrap_or(usize::MAX));
        ensure!(!parts.is_empty(), "the shop has no parts to order");
        let uuids: Result<Vec<Uuid>, _> = parts.iter().map(|part| part.uuid.parse()).collect();
        let uuids = uuids.context("a part's uuid is none")?;
        let orders = Orders::new(accounts.len());
        Ok(Self { shared: Arc::new(Shared { accounts, parts: uuids, orders }), parts })
    }

    pub fn users(&self) -> usize {
        self.shared.accounts.len()
    }

    pub fn parts(&self) -> &[Uuid] {
        &self.shared.parts
    }

    /// Returns the lowest initial stock among the parts for orders.
    pub fn stock(&self) -> i64 {
        self.parts.iter().map(|part| part.stock_quantity).min().unwrap_or(0)
    }

    /// Returns the number of orders that are neither paid nor cancelled.
    pub fn unpaid(&self) -> usize {
        self.shared.orders.unpaid()
    }

    /// Creates orders until `unpaid` of them are unpaid and, with `all_read`, every user has an order.
    pub async fn prepare(&self, unpaid: usize, all_read: bool) -> anyhow::Result<()> {
        let Shared { parts, orders, .. } = &*self.shared;
        let readers = (0..self.users()).filter(|user| all_read && orders.latest(*user).is_none());
        let readers: Vec<usize> = readers.collect();
        let missing = unpaid.saturating_sub(self.unpaid()).max(readers.len());
        let users = readers.into_iter().chain((0..self.users()).cycle()).take(missing);
        let mut made = stream::iter(users.enumerate())
            .map(|(number, user)| async move {
                let parts = [parts[number % parts.len()]];
                self.shared.accounts[user].create(&parts).await.map(|order| (user, order))
            })
            .buffer_unordered(MAX_CONCURRENT_ORDERS);
        while let Some(order) = made.next().await {
            let (user, order) = order.map_err(|failure| {
                anyhow!("orders cannot be made before the measurement: {failure}{}", advice(&failure))
            })?;
            orders.add(user, order);
        }
        Ok(())
    }

    /// Cancels the unpaid orders, so that their parts can be sold again. Returns how many could not be cancelled.
    pub async fn tidy(&self) -> usize {
        let left = std::iter::from_fn(|| self.shared.orders.take());
        let cancelled = stream::iter(left)
            .map(|(user, order)| self.shared.accounts[user].cancel(order))
            .buffer_unordered(MAX_CONCURRENT_ORDERS);
        cancelled.filter(|outcome| std::future::ready(outcome.is_err())).count().await
    }
}

/// Returns advice about a refused request.
pub(crate) fn advice(failure: &str) -> &'static str {
    if failure.contains("OUT_OF_STOCK") {
        "; `cargo run -- restock --quantity 100000` adds stock"
    } else if failure.contains("TOO_MANY_UNPAID_ORDERS") {
        "; use more users, or start order with a higher ORDER_MAX_UNPAID"
    } else if failure.contains("TOO_MANY_RESERVED") {
        "; use more users, or start inventory with INVENTORY_RESERVATION_MAX_SHARE=0"
    } else {
        ""
    }
}

fn shops(options: &Options) -> anyhow::Result<Vec<Shop>> {
    let http =
        options.addresses.trust.http().pool_idle_timeout(IDLE_TIMEOUT).pool_max_idle_per_host(options.connections);
    let http = http.build().context("making an HTTP client")?;
    (0..CHANNELS).map(|_| Ok(options.addresses.shop()?.through(http.clone()))).collect()
}

/// Returns all parts in the order of the catalogue.
pub(crate) async fn parts(account: &Account) -> anyhow::Result<Vec<Part>> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let list = ListPartsRequest { page_size: PAGE_SIZE, page_token: token, ..ListPartsRequest::default() };
        let request = client::shop::within(&account.session, list)?;
        let page = account.shop.inventory().list_parts(request).await?.into_inner();
        all.extend(page.parts);
        token = page.next_page_token;
        if token.is_empty() {
            return Ok(all);
        }
    }
}
