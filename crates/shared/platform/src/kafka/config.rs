//! Configuration of Kafka clients: brokers, topics' settings, queue sizes.

use std::{path::PathBuf, time::Duration};

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};
use secrecy::SecretString;
use serde::Deserialize;

use super::security::{self, SaslMechanism, SecurityProtocol};
use crate::config::{ConfigError, Settings};

#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// `host:port`, several separated by commas.
    pub kafka_brokers: String,
    /// Partitions of a topic that is created; an existing one keeps its own.
    #[serde(default = "default_partitions")]
    pub kafka_topic_partitions: i32,
    /// How long a topic that is created keeps its records.
    #[serde(default = "default_retention", with = "humantime_serde")]
    pub kafka_topic_retention: Duration,
    /// The time for which Kafka appends to one segment of a topic. A segment is deleted as a whole when its last record is older than the
    /// retention, so its first record lives longer by this time. The default is Kafka's own, which also applies to topics created without
    /// this setting.
    #[serde(default = "default_segment", with = "humantime_serde")]
    pub kafka_topic_segment: Duration,
    /// False if topics are created by other means.
    #[serde(default = "yes")]
    pub kafka_create_topics: bool,
    /// Put before the names of consumer groups, so that several systems can share a broker.
    #[serde(default)]
    pub kafka_group_prefix: String,
    /// How long the broker may hold a fetch that finds nothing. A real broker answers as soon as there is something; librdkafka's
    /// mock cluster never before this.
    #[serde(default = "default_fetch_wait", with = "humantime_serde")]
    pub kafka_fetch_wait: Duration,
    /// What the broker's listener speaks.
    #[serde(default)]
    pub kafka_security_protocol: SecurityProtocol,
    #[serde(default)]
    pub kafka_sasl_mechanism: SaslMechanism,
    /// The user as whom this process comes, and its password.
    pub kafka_sasl_username: Option<String>,
    pub kafka_sasl_password: Option<SecretString>,
    /// Certificates of the authorities that brokers are trusted by, in PEM. Read whenever a client is made.
    pub kafka_ssl_ca_file: Option<PathBuf>,
}

fn default_partitions() -> i32 {
    6
}

fn default_retention() -> Duration {
    Duration::from_hours(7 * 24)
}

fn default_segment() -> Duration {
    Duration::from_hours(7 * 24)
}

fn default_fetch_wait() -> Duration {
    Duration::from_millis(500)
}

fn yes() -> bool {
    true
}

impl Config {
    /// Reads and checks the variables; an error names the missing or invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let config = settings.read()?;
        security::check(&config)?;
        Ok(config)
    }

    /// Builds the settings common to all clients of this process.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.kafka_brokers)
            .set("client.id", "shipyard")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            // A broker that accepts and never answers is given up after this long, so that events arrive within ten seconds.
            .set("socket.timeout.ms", "4000")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000")
            .set("topic.metadata.refresh.interval.ms", "30000")
            // Why a connection ended is told at this level.
            .set_log_level(RDKafkaLogLevel::Info);
        security::apply(self, &mut client);
        client
    }

    /// Returns the maximum time for which a record can be read from its topic.
    pub fn record_life(&self) -> Duration {
        self.kafka_topic_retention + self.kafka_topic_segment
    }

    /// Returns the retention of rows that record effects: a day longer than any record, since clocks differ and Kafka looks for old
    /// segments only every five minutes.
    pub fn effect_retention(&self) -> Duration {
        self.record_life() + Duration::from_hours(24)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_a_day_longer_than_the_first_record_of_a_segment() {
        let day = Duration::from_hours(24);
        let keep = |variables: &[(&str, &str)]| {
            let all = variables.iter().chain(&[("KAFKA_BROKERS", "localhost:9092")]);
            Settings::of(all.map(|(name, value)| (*name, (*value).to_owned())))
                .read::<Config>()
                .unwrap()
                .effect_retention()
        };

        assert_eq!(keep(&[]), (7 + 7 + 1) * day);
        assert_eq!(keep(&[("KAFKA_TOPIC_RETENTION", "3d"), ("KAFKA_TOPIC_SEGMENT", "1d")]), (3 + 1 + 1) * day);
    }
}
