//! A consumer's membership of its group.
//!
//! A static member, which has an instance id, keeps its partitions when its process is killed and another is started at
//! the same place. A broker fences the older of two members with one instance id.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, future::ready};
use rdkafka::{
    ClientConfig,
    consumer::{Consumer as _, ConsumerContext, StreamConsumer},
    error::KafkaResult,
    groups::GroupInfo,
    types::RDKafkaErrorCode,
};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

/// The time limit for leaving a group, which usually takes some milliseconds.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a member waits to have left if the broker does not list the members of groups.
const UNLISTED_LEAVE: Duration = Duration::from_millis(100);

pub(super) struct Membership {
    group_id: String,
    instance: Option<String>,
    /// True once another process has joined with the same instance id, such as a container with an equal host name.
    is_fenced: AtomicBool,
}

impl Membership {
    pub fn new(group_id: String) -> Self {
        Self { group_id, instance: None, is_fenced: AtomicBool::new(false) }
    }

    pub fn at(self, instance: String) -> Self {
        Self { instance: Some(instance), ..self }
    }

    fn instance(&self) -> Option<&str> {
        self.instance.as_deref().filter(|_| !self.is_fenced.load(Ordering::Relaxed))
    }

    pub fn configure(&self, client: &mut ClientConfig) {
        client.set("group.id", &self.group_id);
        if let Some(instance) = self.instance() {
            client.set("group.instance.id", instance);
        }
    }

    /// Makes a fenced member join again without an instance id.
    pub fn failed(&self, code: RDKafkaErrorCode) {
        self.is_fenced.fetch_or(code == RDKafkaErrorCode::FencedInstanceId, Ordering::Relaxed);
    }

    /// Unsubscribes a static member and waits until the broker no longer lists it, so that other members get its
    /// partitions at once. When librdkafka closes a static member, it stays in the group until its session expires.
    pub async fn leave<C: ConsumerContext + 'static>(&self, consumer: &Arc<StreamConsumer<C>>) {
        let Some(instance) = self.instance() else { return };
        consumer.unsubscribe();
        let left = async {
            loop {
                let (consumer, group, instance) = (consumer.clone(), self.group_id.clone(), instance.to_owned());
                let listed = spawn_blocking(move || is_listed(&consumer, &group, &instance));
                match listed.await {
                    Ok(Ok(true)) => {}
                    Ok(Ok(false)) => return,
                    _ => return sleep(UNLISTED_LEAVE).await,
                }
            }
        };
        // The member leaves once the callbacks, which run while it receives, have given its partitions back.
        let receiving = consumer.stream().for_each(|_| ready(()));
        tokio::select! {
            _ = timeout(LEAVE_TIMEOUT, left) => {}
            () = receiving => {}
        }
    }
}

/// Returns true if the group has a member with this instance id. Blocks.
fn is_listed<C: ConsumerContext>(consumer: &StreamConsumer<C>, group: &str, instance: &str) -> KafkaResult<bool> {
    let list = consumer.fetch_group_list(Some(group), LEAVE_TIMEOUT)?;
    let mut members = list.groups().iter().flat_map(GroupInfo::members);
    // The broker begins the id of a static member with the instance id.
    Ok(members.any(|member| member.id().starts_with(instance)))
}
