//! A real broker: a single-node Apache Kafka in a container, which supports fault injection.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _},
    os::unix::fs::PermissionsExt as _,
    time::Duration,
};

use anyhow::Context as _;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
    client::DefaultClientContext,
};
use tokio::time::Instant;

use crate::docker::{self, COMMAND_TIMEOUT};

/// The name and the tag of the image.
pub const IMAGE: (&str, &str) = ("apache/kafka", "4.3.1");

/// The variables of a single-node broker with little memory, fast start and fast group formation. The caller must add
/// `KAFKA_ADVERTISED_LISTENERS`.
pub const ENVIRONMENT: [(&str, &str); 15] = [
    ("KAFKA_HEAP_OPTS", "-Xms128m -Xmx384m"),
    ("KAFKA_NODE_ID", "1"),
    ("KAFKA_PROCESS_ROLES", "broker,controller"),
    ("KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093"),
    ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"),
    ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
    ("KAFKA_INTER_BROKER_LISTENER_NAME", "PLAINTEXT"),
    ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093"),
    ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0"),
    ("KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS", "3"),
    ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
    ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1"),
    ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1"),
    ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR", "1"),
    ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR", "1"),
];

/// The log configuration: warnings and errors only.
pub const LOG4J: &str = include_str!("log4j2.yaml");
/// The path where the image first looks for a log configuration.
pub const LOG4J_PATH: &str = "/mnt/shared/config/log4j2.yaml";

/// The image's data volume, which exists as long as the container.
const DATA: &str = "KAFKA_LOG_DIRS=/var/lib/kafka/data";
/// A broker must start within this time, including recovery.
const STARTUP_TIMEOUT: Duration = Duration::from_mins(2);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// The number of attempts to start while other programs take the broker's port.
const MAX_ATTEMPTS: usize = 3;

pub struct Options {
    /// The value of the container's label `shipyard.name`, beside the owner's pid.
    pub label: String,
    /// The advertised address, such as a proxy's. `None` advertises the broker's own address.
    pub advertised: Option<SocketAddr>,
    /// True for a broker in the host's network, on Linux. A published port costs each request an additional hop through
    /// another process.
    pub on_host: bool,
    /// Variables in addition to [`ENVIRONMENT`], such as `("KAFKA_MESSAGE_MAX_BYTES", "4000000")`.
    pub variables: Vec<(&'static str, &'static str)>,
}

/// A running broker. Dropping this value removes the broker with its data, ignoring errors.
pub struct Broker {
    id: String,
    address: SocketAddr,
}

/// Checks that an engine responds within 5 s, and that the image exists or can be pulled within 3 minutes. The error
/// names the cause.
pub async fn available() -> anyhow::Result<()> {
    docker::available(&image()).await
}

/// Removes the brokers of ended processes of this host.
pub async fn sweep() -> anyhow::Result<()> {
    docker::sweep().await
}

impl Broker {
    /// Starts a broker, and waits until it responds. The image should exist: see [`available`].
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let broker = Self::create(&options).await.context("making a container for Kafka")?;
            match docker::run(&["start", &broker.id], COMMAND_TIMEOUT).await {
                Ok(_) => {
                    broker.wait().await.context("starting Kafka")?;
                    return Ok(broker);
                }
                Err(error) if attempts == MAX_ATTEMPTS => return Err(error).context("starting Kafka"),
                Err(_) => broker.remove().await?,
            }
        }
    }

    /// Returns the published address: 127.0.0.1 and a fixed port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills the broker, like a crash. Returns when it has exited.
    pub async fn kill(&self) -> anyhow::Result<()> {
        docker::run(&["kill", "--signal", "KILL", &self.id], COMMAND_TIMEOUT).await?;
        docker::run(&["wait", &self.id], COMMAND_TIMEOUT).await?;
        Ok(())
    }

    /// Stops the broker, or kills it after 30 s. Returns when it has exited.
    pub async fn stop(&self) -> anyhow::Result<()> {
        docker::run(&["stop", "--time", &STOP_TIMEOUT.as_secs().to_string(), &self.id], STOP_TIMEOUT + COMMAND_TIMEOUT)
            .await?;
        Ok(())
    }

    /// Restarts a killed or stopped broker with its records, and waits until it responds.
    pub async fn restart(&self) -> anyhow::Result<()> {
        docker::run(&["start", &self.id], COMMAND_TIMEOUT).await?;
        self.wait().await
    }

    /// Freezes the broker: it accepts connections, but does not respond to requests.
    pub async fn pause(&self) -> anyhow::Result<()> {
        docker::run(&["pause", &self.id], COMMAND_TIMEOUT).await?;
        Ok(())
    }

    pub async fn unpause(&self) -> anyhow::Result<()> {
        docker::run(&["unpause", &self.id], COMMAND_TIMEOUT).await?;
        Ok(())
    }

    /// Makes the broker refuse records of a topic above `bytes`. The topic's other settings become the broker's
    /// defaults.
    pub async fn limit_records(&self, topic: &str, bytes: u32) -> anyhow::Result<()> {
        let (address, topic, bytes) = (self.address.to_string(), topic.to_owned(), bytes.to_string());
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", address).create()?;
        let limit = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("max.message.bytes", &bytes);
        let altered =
            admin.alter_configs(&[limit], &AdminOptions::new().request_timeout(Some(COMMAND_TIMEOUT))).await?;
        altered.into_iter().try_for_each(|altered| altered.map(drop)).map_err(|(_, code)| code.into())
    }

    /// Removes the broker with its records, in any state.
    pub async fn remove(mut self) -> anyhow::Result<()> {
        docker::remove(&std::mem::take(&mut self.id)).await
    }

    async fn create(options: &Options) -> anyhow::Result<Self> {
        let (listener, controller) =
            (TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
        let (address, controller) = (listener.local_addr()?, controller.local_addr()?);
        let [owner, host] = docker::labels();
        let (name, port) = (format!("shipyard.name={}", options.label), format!("{address}:9092"));
        let advertised = format!("KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{}", options.advertised.unwrap_or(address));
        let environment = ENVIRONMENT.iter().chain(&options.variables).map(|(name, value)| format!("{name}={value}"));
        let mut environment: Vec<String> = environment.collect();
        let image = image();
        let mut arguments = vec!["create", "--label", &owner, "--label", &host, "--label", &name];
        if options.on_host && cfg!(target_os = "linux") {
            arguments.extend(["--network", "host"]);
            // The last value of a variable counts.
            environment.push(format!("KAFKA_LISTENERS=PLAINTEXT://{address},CONTROLLER://{controller}"));
            environment.push(format!("KAFKA_CONTROLLER_QUORUM_VOTERS=1@{controller}"));
        } else {
            arguments.extend(["--publish", &port]);
        }
        arguments.extend(environment.iter().flat_map(|variable| ["--env", variable]));
        arguments.extend(["--env", DATA, "--env", &advertised, &image]);
        let broker = Self { id: docker::run(&arguments, COMMAND_TIMEOUT).await?, address };
        broker.configure_log().await.context("configuring its log")?;
        Ok(broker)
    }

    /// Copies the log configuration into the container, since a remote engine cannot mount local files.
    async fn configure_log(&self) -> anyhow::Result<()> {
        let file = std::env::temp_dir().join(format!("shipyard-log4j2-{}.yaml", platform::ids::random()));
        tokio::fs::write(&file, LOG4J).await?;
        // The broker runs as another user, who must be able to read the file.
        tokio::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).await?;
        let copied =
            docker::run(&["cp", &file.to_string_lossy(), &format!("{}:{LOG4J_PATH}", self.id)], COMMAND_TIMEOUT).await;
        tokio::fs::remove_file(&file).await?;
        copied.map(drop)
    }

    /// Waits until the broker responds. If it exits, fails with its last log line.
    async fn wait(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + STARTUP_TIMEOUT;
        loop {
            let brokers = self.address.to_string();
            let Err(error) = tokio::task::spawn_blocking(move || ask(&brokers)).await? else { return Ok(()) };
            let running =
                docker::run(&["inspect", "--format", "{{.State.Running}}", &self.id], COMMAND_TIMEOUT).await?;
            if running != "true" {
                let said = docker::run(&["logs", "--tail", "1", &self.id], COMMAND_TIMEOUT).await.unwrap_or_default();
                anyhow::bail!("its container ended: {said}");
            }
            if Instant::now() >= deadline {
                return Err(error).context("it does not answer");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if !self.id.is_empty() {
            docker::remove_blocking(&self.id);
        }
    }
}

fn image() -> String {
    let (name, tag) = IMAGE;
    format!("{name}:{tag}")
}

/// The time limit for connecting, and for reading each half of the response. A broker on a busy machine responds after
/// seconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// A request for metadata (key 3, version 1) with the correlation id 7, no client id, and no topics.
const REQUEST: [u8; 18] = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0];

/// Requests metadata from the broker at the first address in `brokers`. Blocks for half a minute at most.
///
/// librdkafka sends its second request to the advertised address, and no longer uses the address that it was given. If
/// the broker advertises a proxy that does not lead to it yet, such a client gets a response only if it sent both
/// requests before the first was answered.
pub fn ask(brokers: &str) -> anyhow::Result<()> {
    let first = brokers.split(',').next().unwrap_or_default();
    let address = first.to_socket_addrs()?.next().with_context(|| format!("{first} has no address"))?;
    let mut broker = TcpStream::connect_timeout(&address, RESPONSE_TIMEOUT).context("connecting")?;
    broker.set_read_timeout(Some(RESPONSE_TIMEOUT))?;
    broker.set_write_timeout(Some(RESPONSE_TIMEOUT))?;
    broker.write_all(&REQUEST).context("asking the broker")?;
    // The response begins with its length, the correlation id, and the number of brokers.
    let mut response = [0; 12];
    broker.read_exact(&mut response).context("the broker does not respond")?;
    let [.., id, b0, b1, b2, b3] = response;
    anyhow::ensure!(id == 7, "the response is not a broker's");
    anyhow::ensure!(i32::from_be_bytes([b0, b1, b2, b3]) > 0, "the broker has not joined its cluster yet");
    Ok(())
}
