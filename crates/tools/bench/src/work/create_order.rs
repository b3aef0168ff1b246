//! `POST /orders`, each request by another customer.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use bytes::Bytes;
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use crate::{
    http_client::{HttpClient, connections, success},
    lab::{Choice, Customer},
    sample::Work,
};

pub const ORDERS: &str = "/api/v1/orders";

pub struct CreateOrder {
    http: HttpClient,
    customers: Arc<[Customer]>,
    choice: Choice,
    random: SmallRng,
}

impl CreateOrder {
    pub async fn workers(
        order: SocketAddr,
        count: usize,
        customers: &Arc<[Customer]>,
        choice: &Choice,
    ) -> anyhow::Result<Vec<Self>> {
        let workers = connections(order, count).await?.into_iter().enumerate().map(|(number, http)| Self {
            http,
            customers: customers.clone(),
            choice: choice.clone(),
            random: SmallRng::seed_from_u64(number as u64),
        });
        Ok(workers.collect())
    }

    /// Creates an order. Returns the answer and the customer's session.
    async fn create(&mut self) -> anyhow::Result<(Bytes, String)> {
        let customer = &self.customers[self.random.random_range(0..self.customers.len())];
        let parts = self.choice.draw(&mut self.random);
        let body = serde_json::json!({"user_uuid": customer.user, "part_uuids": parts}).to_string();
        let answer = self.http.post(ORDERS, &customer.session, body).await?;
        Ok((success("POST /orders", 201, answer)?, customer.session.clone()))
    }

    /// Creates an order. Returns its UUID and the customer's session.
    pub(super) async fn create_to_go_on(&mut self) -> anyhow::Result<(String, String)> {
        let (answer, session) = self.create().await?;
        let answer: serde_json::Value = serde_json::from_slice(&answer).context("POST /orders answered no JSON")?;
        let order = answer["order_uuid"].as_str().context("POST /orders answered no order_uuid")?;
        Ok((order.to_owned(), session))
    }

    pub(super) async fn pay(&mut self, order: &str, session: &str) -> anyhow::Result<()> {
        let path = format!("{ORDERS}/{order}/pay");
        let answer = self.http.post(&path, session, r#"{"payment_method":"CARD"}"#.to_owned()).await?;
        success("POST /orders/{order_uuid}/pay", 200, answer)?;
        Ok(())
    }

    pub(super) async fn cancel(&mut self, order: &str, session: &str) -> anyhow::Result<()> {
        let path = format!("{ORDERS}/{order}/cancel");
        let answer = self.http.post(&path, session, String::new()).await?;
        success("POST /orders/{order_uuid}/cancel", 204, answer)?;
        Ok(())
    }
}

impl Work for CreateOrder {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.create().await.map(drop)
    }
}
