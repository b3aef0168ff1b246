//! Login, each worker with its own user.

use std::net::SocketAddr;

use anyhow::Context as _;
use client::customer::PASSWORD;
use contracts::proto::auth::v1::{LoginRequest, auth_service_client::AuthServiceClient};
use tonic::transport::Channel;

use crate::{
    lab::{Customer, iam_clients},
    sample::Work,
};

pub struct Login {
    client: AuthServiceClient<Channel>,
    login: String,
}

impl Login {
    pub fn workers(address: SocketAddr, customers: &[Customer]) -> anyhow::Result<Vec<Self>> {
        let clients = iam_clients(address, customers.len())?;
        let workers = clients.into_iter().zip(customers);
        Ok(workers.map(|(client, customer)| Self { client, login: customer.login.clone() }).collect())
    }
}

impl Work for Login {
    async fn once(&mut self) -> anyhow::Result<()> {
        let request = LoginRequest { login: self.login.clone(), password: PASSWORD.to_owned() };
        self.client.login(request).await.context("Login")?;
        Ok(())
    }
}
