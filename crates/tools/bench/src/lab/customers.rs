//! Registers customers and logs them in.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use backon::{ConstantBuilder, Retryable as _};
use client::customer::{PASSWORD, registration};
use contracts::proto::auth::v1::LoginRequest;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use platform::ids;
use uuid::Uuid;

use super::Shop;

const MAX_CONCURRENT_REGISTRATIONS: usize = 8;
/// Of many registrations, one may fail because Redis waits longer for the disk than the shop waits for Redis.
const RETRIES: ConstantBuilder = ConstantBuilder::new().with_delay(Duration::from_secs(1)).with_max_times(3);

#[derive(Clone, Debug)]
pub struct Customer {
    pub user: Uuid,
    pub login: String,
    pub session: String,
}

pub async fn register(shop: &Shop, count: usize) -> anyhow::Result<Arc<[Customer]>> {
    let all: Vec<Customer> =
        stream::iter(0..count).map(|_| one(shop)).buffer_unordered(MAX_CONCURRENT_REGISTRATIONS).try_collect().await?;
    Ok(all.into())
}

/// Registers one customer, and logs in. If a call fails, registers another customer.
pub async fn one(shop: &Shop) -> anyhow::Result<Customer> {
    (|| attempt(shop)).retry(RETRIES).await
}

async fn attempt(shop: &Shop) -> anyhow::Result<Customer> {
    let login = format!("bench-{:.12}", ids::random().simple().to_string());
    let registered = shop.client.users().register(registration(&login, Vec::new())).await.context("Register")?;
    let user = registered.into_inner().user_uuid.parse().context("Register answered no uuid")?;
    let request = LoginRequest { login: login.clone(), password: PASSWORD.to_owned() };
    let session = shop.client.auth().login(request).await.context("Login")?.into_inner().session_uuid;
    Ok(Customer { user, login, session })
}
