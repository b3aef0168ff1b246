//! The rights of the broker's users, derived from the routes.

use std::collections::{BTreeMap, BTreeSet};

use platform::kafka::{
    Acl,
    Operation::{All, Describe, DescribeConfigs, Read, Write},
    Resource::{Cluster, Group, Topic},
    dead_letter_topic,
};

use super::{Consumer, INBOUND, ROUTES, Topics, readers};

/// The user of outside programs, which reads every topic.
pub(super) const OUTSIDE: &str = "outside";
/// The user of the bank, which writes approved loans, and reads nothing.
pub(super) const BANK: &str = "bank";
/// The users of Kafka UI, and of `shipyard audit` and `dlq`.
const UI: &str = "ui";
const OPERATOR: &str = "operator";
/// The service that audits, and lists, replays and discards dead letters.
const OPERATIONS: &str = "operations";
/// The consumer groups of the operator's tools and of the service operations: the first reads dead letters, the second
/// topics for an audit.
const TOOLS: [&str; 2] = ["shipyard-dlq", "shipyard-audit"];
/// The topic of the journal of dead letters, to which the prefix of the consumer groups is added: several systems can
/// use one broker.
pub const JOURNAL: &str = "shipyard.dlq.journal";

/// The topics that one user writes and reads.
#[derive(Default)]
struct Use<'a> {
    writes: BTreeSet<&'a str>,
    reads: BTreeSet<(&'a str, String)>,
}

/// The users of the services with topics.
pub fn broker_users() -> BTreeSet<&'static str> {
    let routed = ROUTES.iter().flat_map(|route| route.readers().map(|reader| reader.service).chain([route.producer]));
    let inbound = INBOUND.iter().flat_map(|inbound| inbound.producer.into_iter().chain([inbound.consumer.service]));
    routed.chain(inbound).chain([OPERATIONS]).collect()
}

/// The rights of all users except the broker's own super user, which creates the topics.
pub fn rights(topics: &Topics, group_prefix: &str) -> BTreeSet<Acl> {
    let uses = uses(topics, group_prefix);
    let named = |topic: &str| Topic(topic.to_owned());
    let tools = TOOLS.map(|group| format!("{group_prefix}{group}"));
    let groups: BTreeSet<&String> = uses.values().flat_map(|own| &own.reads).map(|(_, group)| group).collect();
    let mut rights = BTreeSet::new();
    for (&user, Use { writes, reads }) in &uses {
        rights.extend(writes.iter().map(|topic| Acl::allow(user, Write, named(topic))));
        for (topic, group) in reads {
            rights.insert(Acl::allow(user, Read, named(topic)));
            rights.insert(Acl::allow(user, Read, Group(group.clone())));
            // A consumer writes messages that it cannot handle to the dead-letter topic.
            rights.insert(Acl::allow(user, Write, Topic(dead_letter_topic(topic))));
        }
    }
    // Outside programs may read every topic in groups of their own.
    let of_others = groups.iter().copied().chain(&tools);
    rights.extend(of_others.map(|group| Acl::deny(OUTSIDE, Read, Group(group.clone()))));
    rights.insert(Acl::allow(OUTSIDE, Read, Group("*".to_owned())));
    for user in [OUTSIDE, UI] {
        rights.insert(Acl::allow(user, Read, named("*")));
        rights.insert(Acl::allow(user, DescribeConfigs, named("*")));
    }
    // Kafka UI only reads.
    for operation in [Describe, DescribeConfigs] {
        rights.insert(Acl::allow(UI, operation, Group("*".to_owned())));
        rights.insert(Acl::allow(UI, operation, Cluster));
    }
    // `shipyard audit` and `dlq` read all topics, and replay and prune dead letters. The audit reads the groups'
    // committed offsets, and compares consumed records with stored rows.
    rights.insert(Acl::allow(OPERATOR, All, named("*")));
    rights.extend(tools.iter().map(|group| Acl::allow(OPERATOR, All, Group(group.clone()))));
    rights.extend(operations(topics, group_prefix));
    for user in [OPERATOR, OPERATIONS] {
        rights.extend(groups.iter().map(|group| Acl::allow(user, Describe, Group((*group).clone()))));
    }
    rights
}

/// The rights to audit, and to list, replay and discard dead letters: to read every topic and dead-letter topic, to
/// write to the topics that consumers read, and to import the journal of the previous release. The service prunes
/// nothing, and neither creates nor changes a topic.
fn operations(topics: &Topics, group_prefix: &str) -> Vec<Acl> {
    let allow = |operation, topic: &str| Acl::allow(OPERATIONS, operation, Topic(topic.to_owned()));
    let mut rights: Vec<Acl> = topics
        .all()
        .into_iter()
        .flat_map(|topic| [allow(Read, topic), allow(Read, &dead_letter_topic(topic)), allow(DescribeConfigs, topic)])
        .collect();
    rights.extend(readers(topics).map(|(_, topic)| allow(Write, topic)));
    rights.push(allow(Read, &format!("{group_prefix}{JOURNAL}")));
    // To read topics.
    rights.extend(TOOLS.map(|group| Acl::allow(OPERATIONS, Read, Group(format!("{group_prefix}{group}")))));
    rights
}

fn uses<'a>(topics: &'a Topics, group_prefix: &str) -> BTreeMap<&'static str, Use<'a>> {
    let mut uses: BTreeMap<&str, Use> = BTreeMap::new();
    let mut note = |writers: &[&'static str], topic: &'a str, readers: &[Consumer]| {
        for writer in writers {
            uses.entry(writer).or_default().writes.insert(topic);
        }
        for Consumer { service, group } in readers {
            uses.entry(service).or_default().reads.insert((topic, format!("{group_prefix}{group}")));
        }
    };
    for route in &ROUTES {
        let readers: Vec<Consumer> = route.readers().copied().collect();
        note(&[route.producer], route.topic(topics), &readers);
    }
    for inbound in &INBOUND {
        let writers: Vec<&str> = inbound.producer.into_iter().chain([inbound.outside]).collect();
        note(&writers, inbound.topic(topics), &[inbound.consumer]);
    }
    uses
}

#[cfg(test)]
mod tests {
    use platform::kafka::Operation::Create;

    use super::*;

    fn default_rights() -> BTreeSet<Acl> {
        rights(&Topics::default(), "")
    }

    #[test]
    fn the_bank_alone_of_the_programs_outside_writes_loans_and_it_may_do_nothing_else() {
        let all = default_rights();
        let loans = |user| Acl::allow(user, Write, Topic("loan.approved".to_owned()));
        let of = |user: &str| all.iter().filter(|acl| format!("{acl:?}").contains(&format!("\"User:{user}\""))).count();

        assert!(all.contains(&loans(BANK)) && of(BANK) == 1, "{} rights", of(BANK));
        assert!(!all.contains(&loans(OUTSIDE)) && of(OUTSIDE) > 1);
    }

    #[test]
    fn no_service_creates_or_changes_a_topic() {
        let all = default_rights();
        let topics = Topics::default();
        let named = topics.all().into_iter().flat_map(|topic| [topic.to_owned(), dead_letter_topic(topic)]);

        for topic in named.chain(["*".to_owned()]) {
            // An audit compares the records of a topic with its retention.
            let is_audited = topics.all().contains(&topic.as_str());
            for operation in [All, Create, if is_audited { All } else { DescribeConfigs }] {
                let changes = |user: &&&str| all.contains(&Acl::allow(user, operation, Topic(topic.clone())));
                assert_eq!(broker_users().iter().find(changes), None, "{operation:?} {topic}");
            }
        }
    }

    #[test]
    fn renamed_topics_and_prefixed_groups_are_those_of_the_rights() {
        let topics = Topics::default().renamed(|topic| format!("test.{topic}"));

        let all = rights(&topics, "test-");

        assert!(all.contains(&Acl::allow("assembly", Read, Topic("test.order.paid".to_owned()))));
        assert!(all.contains(&Acl::allow("assembly", Read, Group("test-assembly-group-order-paid".to_owned()))));
        assert!(!all.contains(&Acl::allow("assembly", Read, Topic("order.paid".to_owned()))));
    }
}
