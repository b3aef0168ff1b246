//! Calls that do nothing, over the stack of the services.

use std::net::SocketAddr;

use anyhow::Context as _;
use contracts::proto::auth::v1::{WhoamiRequest, auth_service_client::AuthServiceClient};
use tonic::transport::Channel;

use crate::{
    child::EMPTY,
    http_client::{HttpClient, connections, success},
    lab::iam_clients,
    sample::Work,
};

pub struct EmptyRequest(HttpClient);

impl EmptyRequest {
    pub async fn workers(address: SocketAddr, count: usize) -> anyhow::Result<Vec<Self>> {
        Ok(connections(address, count).await?.into_iter().map(Self).collect())
    }
}

impl Work for EmptyRequest {
    async fn once(&mut self) -> anyhow::Result<()> {
        let answer = self.0.get(EMPTY).await?;
        success("the empty request", 200, answer).map(drop)
    }
}

pub struct EmptyCall(AuthServiceClient<Channel>);

impl EmptyCall {
    pub fn workers(address: SocketAddr, count: usize) -> anyhow::Result<Vec<Self>> {
        Ok(iam_clients(address, count)?.into_iter().map(Self).collect())
    }
}

impl Work for EmptyCall {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.0.whoami(WhoamiRequest::default()).await.context("the empty call")?;
        Ok(())
    }
}
