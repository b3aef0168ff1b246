//! Creates missing topics, and makes sure that dead letters do not expire.

use std::time::Duration;

use anyhow::Context as _;
use backon::{ExponentialBuilder, Retryable as _};
use futures::future::join_all;
use rdkafka::{
    Offset, TopicPartitionList,
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewTopic, ResourceSpecifier,
        TopicReplication,
    },
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};
use scopeguard::ScopeGuard;

use super::{Config, KafkaRefusal, close::drop_in_background, refusal};

type Client = AdminClient<DefaultClientContext>;
/// An admin client with the function that drops it.
type Admin = ScopeGuard<Client, fn(Client)>;

const DEAD_LETTER_SUFFIX: &str = ".dlq";

/// Returns the name of the dead-letter topic, `<topic>.dlq`.
pub fn dead_letter_topic(topic: &str) -> String {
    format!("{topic}{DEAD_LETTER_SUFFIX}")
}

/// Returns the original topic of a dead-letter topic, or the topic itself.
pub fn original_topic(topic: &str) -> &str {
    topic.strip_suffix(DEAD_LETTER_SUFFIX).unwrap_or(topic)
}

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The backoff between retries. A broker reports a created or altered topic only after a while: more than a second if
/// it has just started and creates many topics.
const BACKOFF: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3)];

/// Settings of dead-letter topics, which override the broker's default retention. A dead letter stays until an operator
/// has resolved and pruned it.
const WITHOUT_EXPIRY: [(&str, &str); 2] = [("retention.ms", "-1"), ("retention.bytes", "-1")];

/// Creates those of `topics` that are missing, and a dead-letter topic for each, with the configured partitions and
/// retention. If an existing dead-letter topic has a retention limit, removes the limit.
pub async fn ensure_topics(config: &Config, topics: &[&str]) -> anyhow::Result<()> {
    if !config.kafka_create_topics {
        return Ok(());
    }
    let admin = admin(config)?;
    let retention = config.kafka_topic_retention.as_millis().to_string();
    let segment = config.kafka_topic_segment.as_millis().to_string();
    let dead: Vec<String> = topics.iter().map(|topic| dead_letter_topic(topic)).collect();
    let letters = dead.iter().map(|topic| {
        // A dead letter may be larger than the broker's default limit of 1 MB.
        let new = new_topic(topic, 1).set("max.message.bytes", "4000000");
        WITHOUT_EXPIRY.iter().fold(new, |new, (name, value)| new.set(name, value))
    });
    let origins = topics.iter().map(|topic| {
        new_topic(topic, config.kafka_topic_partitions).set("retention.ms", &retention).set("segment.ms", &segment)
    });
    let made = create(config, &admin, origins.chain(letters).collect()).await?;
    // Dead-letter topics created just now have the right retention.
    let found = made.iter().filter(|(topic, made)| *made == Made::Before && dead.contains(topic));
    let kept = found.map(async |(topic, _)| {
        // Retried, since a busy broker may respond too late. Only the last failure is logged.
        let kept = (|| keep_permanently(&admin, topic)).retry(ExponentialBuilder::default().with_max_times(2));
        if let Err(error) = kept.await {
            tracing::warn!(
                topic,
                error = format!("{error:#}"),
                "dead-letter topic has a retention limit, set its retention.ms to -1"
            );
        }
    });
    join_all(kept).await;
    Ok(())
}

/// Deletes the records of a partition before `offset`, for every `(partition, offset)`.
pub async fn delete_records(config: &Config, topic: &str, before: &[(i32, i64)]) -> anyhow::Result<()> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in before {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    }
    let what = || format!("deleting records of {topic}");
    let deleted = admin(config)?.delete_records(&list, &options()).await.with_context(what)?;
    deleted
        .elements()
        .iter()
        .try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error)
        .with_context(what)
}

/// Returns the retention of a topic; `None` means unlimited.
pub async fn retention(config: &Config, topic: &str) -> anyhow::Result<Option<Duration>> {
    let described = describe(&admin(config)?, topic).await?;
    let retention = described.get("retention.ms").and_then(|entry| entry.value.as_deref());
    // `-1`, without a limit, does not parse as an unsigned number.
    Ok(retention.and_then(|retention| retention.parse().ok()).map(Duration::from_millis))
}

/// The broker does not create a topic, for another reason than a missing right.
#[derive(Debug, thiserror::Error)]
#[error("creating the topic {topic}: {code}")]
struct NotCreated {
    topic: String,
    code: RDKafkaErrorCode,
}

/// Returns true if the broker does not create a topic. Otherwise it is unavailable, or refuses this client as a whole.
pub(super) fn is_about_topic(error: &anyhow::Error) -> bool {
    error.is::<NotCreated>() || matches!(error.downcast_ref(), Some(KafkaRefusal::Right(_)))
}

#[derive(PartialEq, Eq)]
enum Made {
    Now,
    Before,
}

async fn create(config: &Config, admin: &Admin, topics: Vec<NewTopic<'_>>) -> anyhow::Result<Vec<(String, Made)>> {
    let results = match admin.create_topics(&topics, &options()).await {
        Ok(results) => results,
        Err(error) => return Err(refusal::explained(config, error).await).context("creating topics"),
    };
    let made = results.into_iter().map(|result| match result {
        Ok(topic) => {
            tracing::info!(topic, "topic created");
            Ok((topic, Made::Now))
        }
        Err((topic, RDKafkaErrorCode::TopicAlreadyExists)) => Ok((topic, Made::Before)),
        Err((topic, code)) => {
            let refusal = KafkaRefusal::of_code(code, &format!("creating the topic {topic}"));
            Err(refusal.map_or_else(|| anyhow::Error::from(NotCreated { topic, code }), Into::into))
        }
    });
    made.collect()
}

async fn keep_permanently(admin: &Admin, topic: &str) -> anyhow::Result<()> {
    let described = describe(admin, topic).await?;
    if !is_without_expiry(&described) {
        alter(admin, topic, &described).await?;
        tracing::info!(topic, "dead letters are kept until they are pruned");
    }
    Ok(())
}

/// Removes the retention limit of a topic.
async fn alter(admin: &Admin, topic: &str, described: &ConfigResource) -> anyhow::Result<()> {
    // The request resets settings that it does not contain, so it includes the topic's own.
    let own = described.entries.iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
    let mut altered = AlterConfig::new(ResourceSpecifier::Topic(topic));
    for (name, value) in own.filter_map(|entry| Some((entry.name.as_str(), entry.value.as_deref()?))) {
        altered = altered.set(name, value);
    }
    for (name, value) in WITHOUT_EXPIRY {
        altered = altered.set(name, value);
    }
    let what = || format!("altering the topic {topic}");
    admin.alter_configs(&[altered], &options()).await.with_context(what)?;
    // rdkafka ignores the broker's response about a single topic, so only a new request shows whether the topic was
    // altered.
    for delay in BACKOFF {
        if is_without_expiry(&describe(admin, topic).await?) {
            return Ok(());
        }
        tokio::time::sleep(delay).await;
    }
    Err(anyhow::anyhow!("the broker did not do it; it may not be allowed")).with_context(what)
}

fn is_without_expiry(described: &ConfigResource) -> bool {
    let has = |(name, value): (&str, &str)| described.get(name).is_some_and(|own| own.value.as_deref() == Some(value));
    WITHOUT_EXPIRY.into_iter().all(has)
}

/// Returns the configuration of a topic, with at least one entry. rdkafka returns no entries for a topic that does not
/// exist (yet) or that the user may not describe; this is retried.
async fn describe(admin: &Admin, topic: &str) -> anyhow::Result<ConfigResource> {
    let what = || format!("asking Kafka how {topic} is configured");
    for delay in BACKOFF.map(Some).into_iter().chain([None]) {
        let described =
            admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options()).await.with_context(what)?;
        let described = described.into_iter().next().context("Kafka said nothing").with_context(what)??;
        match delay {
            _ if !described.entries.is_empty() => return Ok(described),
            Some(delay) => tokio::time::sleep(delay).await,
            None => {}
        }
    }
    Err(anyhow::anyhow!("it is not known, or may not be described")).with_context(what)
}

fn admin(config: &Config) -> anyhow::Result<Admin> {
    let client = config.client().create().context("creating a Kafka admin client")?;
    Ok(scopeguard::guard(client, drop_in_background))
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT)).operation_timeout(Some(REQUEST_TIMEOUT))
}

fn new_topic(name: &str, partitions: i32) -> NewTopic<'_> {
    // `-1` means the broker's default replication factor (KIP-464).
    NewTopic::new(name, partitions, TopicReplication::Fixed(-1))
}
