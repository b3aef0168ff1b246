//! `GET /orders`, each request by another customer.

use std::{net::SocketAddr, sync::Arc};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::create_order::ORDERS;
use crate::{
    http_client::{HttpClient, connections, success},
    lab::Customer,
    sample::Work,
};

pub struct ListOrders {
    http: HttpClient,
    customers: Arc<[Customer]>,
    random: SmallRng,
}

impl ListOrders {
    pub async fn workers(order: SocketAddr, count: usize, customers: &Arc<[Customer]>) -> anyhow::Result<Vec<Self>> {
        let workers = connections(order, count).await?.into_iter().enumerate().map(|(number, http)| Self {
            http,
            customers: customers.clone(),
            random: SmallRng::seed_from_u64(number as u64),
        });
        Ok(workers.collect())
    }
}

impl Work for ListOrders {
    async fn once(&mut self) -> anyhow::Result<()> {
        let customer = &self.customers[self.random.random_range(0..self.customers.len())];
        let answer = self.http.get_as(&format!("{ORDERS}?limit=20"), &customer.session).await?;
        success("GET /orders", 200, answer)?;
        Ok(())
    }
}
