//! The configuration of Kafka clients: brokers, settings of topics, authentication and TLS.

use std::{path::PathBuf, time::Duration};

use base::config::{ConfigError, Settings};
use rdkafka::{ClientConfig, config::RDKafkaLogLevel};
use secrecy::SecretString;
use serde::Deserialize;

use super::security::{self, SaslMechanism, SecurityProtocol};

#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// The addresses of the brokers, `host:port`, separated by commas.
    pub kafka_brokers: String,
    /// The number of partitions of new topics. Existing topics keep theirs.
    #[serde(default = "default_partitions")]
    pub kafka_topic_partitions: i32,
    /// The retention of new topics.
    #[serde(default = "default_retention", deserialize_with = "base::config::bounded::duration")]
    pub kafka_topic_retention: Duration,
    /// Kafka appends to one segment of a topic for this long. A segment is deleted as a whole when its last record is
    /// older than the retention, so its first record lives longer by this time. The default is Kafka's own, which also
    /// applies to topics created without this setting.
    #[serde(default = "default_segment", deserialize_with = "base::config::bounded::duration")]
    pub kafka_topic_segment: Duration,
    /// True if services create missing topics.
    #[serde(default = "yes")]
    pub kafka_create_topics: bool,
    /// A prefix of all consumer groups' names, for systems that share a broker.
    #[serde(default)]
    pub kafka_group_prefix: String,
    /// How long the broker may delay the response to a fetch that finds no record. A real broker responds as soon as a
    /// record arrives; librdkafka's mock cluster always waits this long.
    #[serde(default = "default_fetch_wait", deserialize_with = "base::config::bounded::duration")]
    pub kafka_fetch_wait: Duration,
    #[serde(default)]
    pub kafka_security_protocol: SecurityProtocol,
    #[serde(default)]
    pub kafka_sasl_mechanism: SaslMechanism,
    /// The SASL user name. A protocol with SASL requires it and the password.
    pub kafka_sasl_username: Option<String>,
    pub kafka_sasl_password: Option<SecretString>,
    /// A PEM file with the brokers' authorities. Each new client reads it.
    pub kafka_ssl_ca_file: Option<PathBuf>,
}

/// The maximum of `KAFKA_TOPIC_PARTITIONS`. A service creates all its topics with one request, and a broker refuses a
/// request for more than 10 000 partitions.
const MAX_PARTITIONS: i32 = 500;
/// The minimum of `KAFKA_TOPIC_RETENTION`. Kafka deletes older records even if no consumer has read them.
const MIN_RETENTION: Duration = Duration::from_mins(1);
/// The minimum of `KAFKA_TOPIC_SEGMENT`. A broker refuses 0, and short segments mean many files.
const MIN_SEGMENT: Duration = Duration::from_secs(1);
/// The maximum of `KAFKA_FETCH_WAIT`. It is a second less than `socket.timeout.ms`, as librdkafka asks, since a fetch
/// delays the other requests on its connection.
const MAX_FETCH_WAIT: Duration = Duration::from_secs(3);

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
    /// Reads and checks the variables. An error names the missing or invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let config: Self = settings.read()?;
        config.check_numbers()?;
        security::check(&config)?;
        Ok(config)
    }

    fn check_numbers(&self) -> Result<(), ConfigError> {
        if !(1..=MAX_PARTITIONS).contains(&self.kafka_topic_partitions) {
            return Err(ConfigError::new("KAFKA_TOPIC_PARTITIONS", format!("is not between 1 and {MAX_PARTITIONS}")));
        }
        if self.kafka_topic_retention < MIN_RETENTION {
            let problem = "is shorter than a minute; events could be deleted before they are read";
            return Err(ConfigError::new("KAFKA_TOPIC_RETENTION", problem));
        }
        if self.kafka_topic_segment < MIN_SEGMENT {
            return Err(ConfigError::new("KAFKA_TOPIC_SEGMENT", "is shorter than a second"));
        }
        if !(Duration::from_millis(1)..=MAX_FETCH_WAIT).contains(&self.kafka_fetch_wait) {
            return Err(ConfigError::new("KAFKA_FETCH_WAIT", "is not between a millisecond and 3 s"));
        }
        Ok(())
    }

    /// Creates the librdkafka settings of all clients.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.kafka_brokers)
            .set("client.id", "shipyard")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            // Limits a request to a broker that accepts connections but never responds, so that events still arrive
            // within ten seconds.
            .set("socket.timeout.ms", "4000")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000")
            .set("topic.metadata.refresh.interval.ms", "30000")
            // At this level, librdkafka logs why a connection ended.
            .set_log_level(RDKafkaLogLevel::Info);
        security::apply(self, &mut client);
        client
    }

    /// Returns the maximum time for which a record stays in its topic.
    pub fn record_life(&self) -> Duration {
        self.kafka_topic_retention + self.kafka_topic_segment
    }

    /// Returns the retention of rows that record the effects of events: a day more than the life of any record, since
    /// clocks differ and Kafka looks for old segments only every five minutes.
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
            Settings::from_variables(all.map(|(name, value)| (*name, (*value).to_owned())))
                .read::<Config>()
                .unwrap()
                .effect_retention()
        };

        assert_eq!(keep(&[]), (7 + 7 + 1) * day);
        assert_eq!(keep(&[("KAFKA_TOPIC_RETENTION", "3d"), ("KAFKA_TOPIC_SEGMENT", "1d")]), (3 + 1 + 1) * day);
    }

    #[test]
    fn numbers_with_which_no_topic_is_created_or_read_or_events_are_lost_are_refused_by_name() {
        let load = |variable, value: &str| {
            let brokers = ("KAFKA_BROKERS", "localhost:9092".to_owned());
            Config::load(&Settings::from_variables([brokers, (variable, value.to_owned())]))
        };

        for (variable, refused, accepted) in [
            ("KAFKA_TOPIC_PARTITIONS", "0 -1 501", "1 500"),
            ("KAFKA_TOPIC_RETENTION", "0s 5ms 59s", "1m 365d"),
            ("KAFKA_TOPIC_SEGMENT", "0s 999ms", "1s 365d"),
            ("KAFKA_FETCH_WAIT", "0s 999us 3001ms 10m", "1ms 3s"),
        ] {
            for value in refused.split(' ') {
                assert_eq!(load(variable, value).unwrap_err().variable, variable, "{value}");
            }
            for value in accepted.split(' ') {
                assert!(load(variable, value).is_ok(), "{variable}: {value}");
            }
        }
    }
}
