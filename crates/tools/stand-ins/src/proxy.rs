//! A TCP proxy that can cut, delay, half-open or blackhole the connections between two programs.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// All data passes, each chunk with this delay.
    Open(Duration),
    /// Requests pass, but responses do not.
    Mute,
    /// Connections are accepted and stay open, but no data passes.
    Hung,
    /// Connections are closed, new ones at once.
    Cut,
}

/// [`State`], and how often connections were cut and blackholed, so that every connection notices even a short fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    state: State,
    cuts: u64,
    blackholes: u64,
}

/// After this time the far end of a blackholed connection is closed, as by its keepalives. PostgreSQL takes 11 s with
/// the services' settings.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

/// A proxy that forwards TCP connections until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<watch::Sender<Network>>,
    targets: Targets,
    traffic: Arc<Traffic>,
    _task: AbortOnDropHandle<()>,
}

/// The connections and bytes from clients, passed or not.
#[derive(Default)]
struct Traffic {
    connections: AtomicU64,
    bytes: AtomicU64,
}

/// The target addresses, used in turn.
#[derive(Clone, Default)]
struct Targets {
    all: Arc<Mutex<Vec<String>>>,
    next: Arc<AtomicUsize>,
}

impl Proxy {
    /// Returns a proxy on a free loopback port for `target` (`host:port`), which may start listening later.
    pub async fn to(target: impl ToString) -> std::io::Result<Self> {
        let proxy = Self::unaimed().await?;
        proxy.aim(vec![target.to_string()]);
        Ok(proxy)
    }

    /// Returns a proxy without a target. It closes every connection until it is [aimed](Self::aim).
    pub async fn unaimed() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let network =
            Arc::new(watch::Sender::new(Network { state: State::Open(Duration::ZERO), cuts: 0, blackholes: 0 }));
        let (targets, traffic) = (Targets::default(), Arc::default());
        let task = tokio::spawn(accept(listener, targets.clone(), network.clone(), Arc::clone(&traffic)));
        Ok(Self { address, network, targets, traffic, _task: AbortOnDropHandle::new(task) })
    }

    /// Returns the address to connect to instead of the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the targets. New connections use them in turn, skipping those that refuse. Existing connections stay.
    pub fn aim(&self, targets: Vec<String>) {
        self.targets.set(targets);
    }

    /// Returns the number of bytes sent towards the target, including dropped ones.
    pub fn asked(&self) -> u64 {
        self.traffic.bytes.load(Ordering::Relaxed)
    }

    /// Returns how many connections clients attempted.
    pub fn connections(&self) -> u64 {
        self.traffic.connections.load(Ordering::Relaxed)
    }

    /// Closes every connection, and new ones at once.
    pub fn cut(&self) {
        self.network.send_modify(|network| {
            network.state = State::Cut;
            network.cuts += 1;
        });
    }

    /// Closes every connection, and drops its held-back data. New connections pass.
    pub fn reset(&self) {
        self.cut();
        self.restore();
    }

    /// Delays each chunk by this much in both directions.
    pub fn delay(&self, delay: Duration) {
        self.be(State::Open(delay));
    }

    /// Keeps connections open and accepts new ones, but lets no data pass.
    pub fn hang(&self) {
        self.be(State::Hung);
    }

    /// Passes data to the target but nothing back: requests take effect, and responses are lost.
    pub fn mute(&self) {
        self.be(State::Mute);
    }

    /// Drops all data on existing connections permanently without closing them, so that neither end notices. New
    /// connections pass.
    pub fn blackhole(&self) {
        self.network.send_modify(|network| network.blackholes += 1);
    }

    /// Restores the network. Held-back data passes, closed connections stay closed, and dropped data stays lost.
    pub fn restore(&self) {
        self.be(State::Open(Duration::ZERO));
    }

    fn be(&self, state: State) {
        self.network.send_modify(|network| network.state = state);
    }
}

impl Targets {
    fn set(&self, targets: Vec<String>) {
        *self.all.lock().unwrap_or_else(PoisonError::into_inner) = targets;
    }

    /// Returns all targets, starting with the next in turn.
    fn in_turn(&self) -> Vec<String> {
        let mut targets = self.all.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        if !targets.is_empty() {
            let first = turn % targets.len();
            targets.rotate_left(first);
        }
        targets
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let mut refusal = std::io::ErrorKind::NotConnected.into();
        for target in self.in_turn() {
            match TcpStream::connect(target).await {
                Ok(stream) => return Ok(stream),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}

async fn accept(listener: TcpListener, targets: Targets, network: Arc<watch::Sender<Network>>, traffic: Arc<Traffic>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    traffic.connections.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(connect(client, targets.clone(), network.subscribe(), traffic.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Forwards one connection until either side closes it, or it is cut or blackholed.
async fn connect(client: TcpStream, targets: Targets, network: watch::Receiver<Network>, traffic: Arc<Traffic>) {
    let mut cut = network.clone();
    let Network { cuts, blackholes, .. } = *cut.borrow();
    let forward = async {
        passable(&mut network.clone(), Way::There).await;
        let server = targets.connect().await?;
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let mut lost = network.clone();
        tokio::select! {
            biased;
            _ = lost.wait_for(|network| network.blackholes > blackholes) => {}
            ended = async {
                tokio::try_join!(
                    copy(&mut from_client, &mut to_server, Way::There, network.clone(), Some(&traffic)),
                    copy(&mut from_server, &mut to_client, Way::Back, network.clone(), None)
                )
            } => return ended.map(drop),
        }
        let far_end = async {
            let _ = tokio::time::timeout(KEEPALIVE_TIMEOUT, discard(&mut from_server)).await;
            drop((from_server, to_server));
        };
        // The client's connection stays open until the client closes it; the server's is closed earlier.
        tokio::join!(discard(&mut from_client), far_end);
        Ok(())
    };
    tokio::select! {
        biased;
        _ = cut.wait_for(|network| network.state == State::Cut || network.cuts > cuts) => {}
        _ = forward => {}
    }
}

/// Reads and discards data until the sender closes the connection.
async fn discard(from: &mut OwnedReadHalf) {
    let mut buffer = vec![0; 16 * 1024];
    while from.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
}

async fn copy(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    way: Way,
    mut network: watch::Receiver<Network>,
    traffic: Option<&Traffic>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if let Some(traffic) = traffic {
            traffic.bytes.fetch_add(length as u64, Ordering::Relaxed);
        }
        tokio::time::sleep(passable(&mut network, way).await).await;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}

/// Waits until data may pass. Returns the delay.
async fn passable(network: &mut watch::Receiver<Network>, way: Way) -> Duration {
    let open = |network: &Network| {
        matches!(network.state, State::Open(_)) || (network.state == State::Mute && way == Way::There)
    };
    match network.wait_for(open).await.as_deref() {
        Ok(Network { state: State::Open(delay), .. }) => *delay,
        _ => Duration::ZERO,
    }
}
