//! The measured operations: those of customers, and the primitives that they consist of.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use anyhow::Context as _;
use client::{addresses::ShopAddresses, shop::Shop as Client};
use contracts::proto::auth::v1::WhoamiRequest;
use drive::account::{Account, Failure, brief, refused};
use platform::{
    ids,
    postgres::Database,
    redis::{Connection, lazy_connection},
};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use reqwest::Method;

use crate::{
    child::EMPTY,
    lab::{Choice, Nothing, Shop},
    sample::Work,
};

/// How many workers share a client, and so a gRPC connection.
const WORKERS_PER_CLIENT: usize = 16;
const KEY: &str = "bench:value";
/// The length of a stored session, in bytes.
const LENGTH: usize = 200;

#[derive(Clone)]
pub enum Operation {
    Create(Choice),
    /// Creates an order and pays it, which the shop then completes without further requests. Counts paid orders.
    Buy(Choice, Arc<AtomicI64>),
    /// Creates an order and cancels it, so that inventory releases its parts.
    Cancel(Choice),
    List,
    Whoami,
    Login,
}

/// A worker that acts as another customer in each operation.
pub struct Customer {
    account: Account,
    all: Arc<[Account]>,
    operation: Operation,
    random: SmallRng,
}

/// Returns clients of the shop, one per worker.
fn clients(addresses: &ShopAddresses, count: usize) -> anyhow::Result<Vec<Client>> {
    let clients: anyhow::Result<Vec<_>> = (0..count.div_ceil(WORKERS_PER_CLIENT)).map(|_| addresses.shop()).collect();
    let clients = clients?;
    Ok((0..count).map(|worker| clients[worker / WORKERS_PER_CLIENT].clone()).collect())
}

impl Customer {
    pub fn workers(
        shop: &Shop,
        count: usize,
        all: &Arc<[Account]>,
        operation: &Operation,
    ) -> anyhow::Result<Vec<Self>> {
        let worker = |(number, shop): (usize, Client)| Self {
            account: Account { shop, ..all[number % all.len()].clone() },
            all: all.clone(),
            operation: operation.clone(),
            random: SmallRng::seed_from_u64(number as u64),
        };
        Ok(clients(&shop.addresses(), count)?.into_iter().enumerate().map(worker).collect())
    }
}

impl Work for Customer {
    async fn once(&mut self) -> Result<(), Failure> {
        let Self { account, all, operation, random } = self;
        let customer = &all[random.random_range(0..all.len())];
        account.user = customer.user;
        account.login.clone_from(&customer.login);
        account.session.clone_from(&customer.session);
        match operation {
            Operation::Create(choice) => account.create(&choice.draw(random)).await.map(drop),
            Operation::Buy(choice, paid) => {
                let order = account.create(&choice.draw(random)).await?;
                account.pay(order).await?;
                paid.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Operation::Cancel(choice) => {
                let order = account.create(&choice.draw(random)).await?;
                account.cancel(order).await
            }
            Operation::List => account.list().await,
            Operation::Whoami => account.whoami().await,
            Operation::Login => account.log_in().await.map(drop),
        }
    }
}

/// An HTTP request that does nothing, over the stack of the services.
pub struct EmptyRequest(Client);

impl EmptyRequest {
    pub fn workers(nothing: &Nothing, count: usize) -> anyhow::Result<Vec<Self>> {
        Ok(clients(&nothing.addresses(), count)?.into_iter().map(Self).collect())
    }
}

impl Work for EmptyRequest {
    async fn once(&mut self) -> Result<(), Failure> {
        let answer = self.0.ask(Method::GET, EMPTY, None, None).await.map_err(|error| brief(&error))?;
        if answer.status.is_success() { Ok(()) } else { Err(Failure::Owned(answer.status.to_string())) }
    }
}

/// A gRPC call that does nothing, over the stack of the services.
pub struct EmptyCall(Client);

impl EmptyCall {
    pub fn workers(nothing: &Nothing, count: usize) -> anyhow::Result<Vec<Self>> {
        Ok(clients(&nothing.addresses(), count)?.into_iter().map(Self).collect())
    }
}

impl Work for EmptyCall {
    async fn once(&mut self) -> Result<(), Failure> {
        let answer = self.0.auth().whoami(WhoamiRequest::default()).await;
        answer.map(drop).map_err(|status| refused(&status))
    }
}

/// `GET` of a small value in Redis, over one connection that all workers share, as in iam.
pub struct RedisGet(Connection);

impl RedisGet {
    pub async fn workers(url: &str, count: usize) -> anyhow::Result<Vec<Self>> {
        let mut connection = lazy_connection("REDIS_URL", &url.into(), None)?;
        redis::cmd("SET").arg(KEY).arg("x".repeat(LENGTH)).exec_async(&mut connection).await?;
        Ok((0..count).map(|_| Self(connection.clone())).collect())
    }
}

impl Work for RedisGet {
    async fn once(&mut self) -> Result<(), Failure> {
        let value: redis::RedisResult<Vec<u8>> = redis::cmd("GET").arg(KEY).query_async(&mut self.0).await;
        let length = value.map_err(|error| brief(&error.into()))?.len();
        if length == LENGTH { Ok(()) } else { Err(Failure::Owned(format!("{length} bytes"))) }
    }
}

/// Inserts of one row into an otherwise empty table, one after another, each with its own pool and commit: the minimal
/// writes, which are the reference for the cost of writes.
pub struct Inserts(Vec<Database>);

impl Inserts {
    pub async fn workers(pools: &[Database], count: usize) -> anyhow::Result<Vec<Self>> {
        let empty =
            "create table if not exists minimal (uuid uuid primary key, value bigint not null); truncate minimal";
        sqlx::raw_sql(empty).execute(pools.first().context("no insert")?).await?;
        Ok((0..count).map(|_| Self(pools.to_vec())).collect())
    }
}

impl Work for Inserts {
    async fn once(&mut self) -> Result<(), Failure> {
        for pool in &self.0 {
            let insert = sqlx::query("insert into minimal (uuid, value) values ($1, $2)");
            let inserted = insert.bind(ids::ordered()).bind(1_i64).execute(pool).await;
            inserted.map_err(|error| brief(&error.into()))?;
        }
        Ok(())
    }
}
