//! `lab playground`: the shop as separate processes on loopback, with a panel in its console from which the visitor
//! injects a fault while an order is on its way. With `LOG_LEVEL=info` it logs its activity to standard error.

mod panel;

use std::net::Ipv4Addr;

use ::chaos::playground::Playground;
use anyhow::Context as _;
use platform::server::shutdown::on_signal;
use shipyard::{data::Data, outln};
use tokio::net::TcpListener;

/// Runs until a signal. Leaves no process.
pub async fn run(data: Data) -> anyhow::Result<()> {
    let (_telemetry, _lock, directory) = crate::begin(&data, "playground")?;
    let stop = on_signal()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("binding a port for the panel")?;
    let address = listener.local_addr()?;
    let url = format!("http://{address}");
    outln!("starting the shop; logs and data in {}", directory.display());
    let playground = tokio::select! {
        playground = Box::pin(Playground::start(&directory, &url)) => playground?,
        () = stop.cancelled() => anyhow::bail!("stopped"),
    };
    let console = playground.console()?;
    let panel = panel::router(playground.handle(), address, console)?;
    // It ends with the runtime.
    tokio::spawn(async move { axum::serve(listener, panel).await });
    outln!("open http://{console}/console/ and buy a ship; its page has the faults. Ctrl-C ends the shop.");
    Box::pin(playground.run(stop)).await;
    Ok(())
}
