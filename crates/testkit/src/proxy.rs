//! A network between two programs that can be cut, slowed and left half open while they talk.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Everything passes, each piece this much later.
    Open(Duration),
    /// Connections are accepted and stay open, and nothing passes.
    Hung,
    /// Connections end, new ones at once.
    Cut,
}

/// Forwards TCP connections to another address, as well or as badly as it is told to. Ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    /// A proxy on a free port before `target` (`host:port`), which need not be there yet.
    pub async fn to(target: impl ToString) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = Arc::new(watch::Sender::new(State::Open(Duration::ZERO)));
        let task = tokio::spawn(accept(listener, target.to_string(), state.clone()));
        Self { address, state, _task: AbortOnDropHandle::new(task) }
    }

    /// Where to connect instead of to the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection, and each new one at once.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Lets each piece pass this much later, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.state.send_replace(State::Open(delay));
    }

    /// Leaves connections half open: they are accepted, and nothing passes or ends.
    pub fn hang(&self) {
        self.state.send_replace(State::Hung);
    }

    /// Lets everything pass again. What was held back passes; what was cut stays cut.
    pub fn restore(&self) {
        self.state.send_replace(State::Open(Duration::ZERO));
    }
}

async fn accept(listener: TcpListener, target: String, state: Arc<watch::Sender<State>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(connect(client, target.clone(), state.subscribe()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Forwards one connection until either side ends it or the network is cut.
async fn connect(client: TcpStream, target: String, state: watch::Receiver<State>) {
    let mut cut = state.clone();
    let forward = async {
        passable(&mut state.clone()).await;
        let server = TcpStream::connect(target).await?;
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::try_join!(copy(from_client, to_server, state.clone()), copy(from_server, to_client, state.clone()))
    };
    tokio::select! {
        _ = forward => {}
        _ = cut.wait_for(|state| *state == State::Cut) => {}
    }
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        tokio::time::sleep(passable(&mut state).await).await;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}

/// Waits until something can pass: how much later it arrives.
async fn passable(state: &mut watch::Receiver<State>) -> Duration {
    let open = state.wait_for(|state| matches!(state, State::Open(_))).await;
    match open.as_deref() {
        Ok(State::Open(delay)) => *delay,
        _ => Duration::ZERO,
    }
}
