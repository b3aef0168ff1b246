//! An HTTP server on a free local port.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

pub struct Server {
    address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    pub async fn start(router: Router) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("binding a free port")?;
        let address = listener.local_addr().context("asking for the port")?;
        let task = tokio::spawn(async move {
            // `serve` does not return; it ends when its task is dropped.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, _task: AbortOnDropHandle::new(task) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
