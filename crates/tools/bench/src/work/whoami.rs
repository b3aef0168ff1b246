//! Whoami, each call by another customer.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use contracts::proto::auth::v1::{WhoamiRequest, auth_service_client::AuthServiceClient};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use tonic::transport::Channel;

use crate::{
    lab::{Customer, iam_clients},
    sample::Work,
};

pub struct Whoami {
    client: AuthServiceClient<Channel>,
    customers: Arc<[Customer]>,
    random: SmallRng,
}

impl Whoami {
    pub fn workers(address: SocketAddr, count: usize, customers: &Arc<[Customer]>) -> anyhow::Result<Vec<Self>> {
        let clients = iam_clients(address, count)?.into_iter().enumerate();
        let worker = |(number, client)| Self {
            client,
            customers: customers.clone(),
            random: SmallRng::seed_from_u64(number as u64),
        };
        Ok(clients.map(worker).collect())
    }
}

impl Work for Whoami {
    async fn once(&mut self) -> anyhow::Result<()> {
        let customer = &self.customers[self.random.random_range(0..self.customers.len())];
        self.client
            .whoami(WhoamiRequest { session_uuid: customer.session.clone(), ..WhoamiRequest::default() })
            .await
            .context("Whoami")?;
        Ok(())
    }
}
