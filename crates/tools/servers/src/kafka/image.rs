//! The Apache Kafka image and its configuration.

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
