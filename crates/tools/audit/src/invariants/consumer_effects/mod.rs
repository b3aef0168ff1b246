//! Invariant 5: Each consumer received every event, and each distinct event had its effect once.

mod events;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contracts::events::{AssemblyFailed, Consumer, Published as _, ROUTES, ShipAssembled};
use uuid::Uuid;

use self::events::{Published, Received};
use crate::{
    Facts, Finding,
    facts::BuildStatus,
    invariants::{
        Unhandled,
        reactions::{self, Effect},
    },
    report::Check,
    violation::{Cause, Row},
};

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(5, "each consumer handled every event once, with its effects");
    let published = Published::from_facts(facts);
    let (mut consumers, mut taken, mut effects, mut buried) = (0, 0, 0, 0);
    // The end of an account has no inbox, and no effect that must be made once: invariant 12 checks what its consumers
    // left.
    for route in &ROUTES {
        for consumer in route.inboxes() {
            let received = Received::from_facts(facts, consumer, route.kind);
            let orders = published.compare(facts, consumer, route.kind, &received, &mut check);
            consumers += usize::from(!received.events.is_empty());
            taken += received.events.len();
            buried += received.buried.len();
            let Some(reaction) = reactions::of(consumer.service, route.kind) else {
                check.note(format!(
                    "{}: its inbox was checked, and no effect, as this audit knows none",
                    consumer.group
                ));
                continue;
            };
            let effect = (reaction.effect)(facts, route.kind);
            compare(facts, consumer, route.kind, &effect, &orders, &mut check);
            effects += orders.keys().filter(|order| effect.orders.contains_key(order)).count();
        }
    }
    builds(facts, &mut check);
    check.counted("consumers", consumers);
    check.counted("events taken", taken);
    check.counted("effects", effects);
    check.counted("dead-lettered events", buried);
    let strangers = facts.inboxes.iter().filter(|inbox| !known(inbox.service, &inbox.consumer)).count();
    if strangers > 0 {
        check.note(format!("{strangers} consumers in the inboxes are of no route: their rows were not checked"));
    }
    check.end()
}

/// Compares an effect with the orders whose events the consumer has handled, and when.
fn compare(
    facts: &Facts,
    consumer: &Consumer,
    kind: &'static str,
    effect: &Effect,
    taken: &HashMap<Uuid, DateTime<Utc>>,
    check: &mut Check,
) {
    let (Consumer { service, group }, Effect { what, orders, only_so }) = (consumer, effect);
    let row = |order: &Uuid| Row::order(*order).because(Cause::Effects(kind));
    for (order, at) in taken.iter().filter(|(order, _)| !orders.contains_key(order)) {
        check.broken_by(row(order), format!("{group} has handled its {kind} at {at}, but {service} has not {what}"));
    }
    for (order, at) in orders.iter().filter(|(order, _)| *only_so && !taken.contains_key(order)) {
        if !facts.may_be_forgotten(*at) {
            check.broken_by(row(order), format!("{service} has {what}, but {group} has not handled its {kind}"));
        }
    }
}

/// Returns the published events that each consumer has neither handled nor dead-lettered.
pub fn unhandled_events(facts: &Facts) -> Vec<Unhandled> {
    let published = Published::from_facts(facts);
    let consumers = ROUTES.iter().flat_map(|route| route.inboxes().iter().map(move |consumer| (route.kind, consumer)));
    let missing = consumers.flat_map(|(kind, consumer)| {
        let missing = published.missing(facts, kind, &Received::from_facts(facts, consumer, kind));
        missing.into_iter().map(move |(event, order)| Unhandled { order, event, kind, consumer })
    });
    missing.collect()
}

fn known(service: &str, group: &str) -> bool {
    let mut all = ROUTES.iter().flat_map(|route| route.consumers);
    all.any(|consumer| consumer.service == service && consumer.group == group)
}

/// Checks that every finished build has published its result.
fn builds(facts: &Facts, check: &mut Check) {
    let is_result = |kind: &str| matches!(kind, ShipAssembled::TYPE | AssemblyFailed::TYPE);
    let results = facts.outbox.iter().filter(|row| row.service == "assembly" && is_result(&row.kind));
    let told: HashMap<Uuid, &str> = results.map(|row| (row.key, row.kind.as_ref())).collect();
    for build in facts.builds.iter().filter(|build| !facts.may_be_forgotten(build.started_at)) {
        let kind = match build.status {
            BuildStatus::Building => None,
            BuildStatus::Assembled => Some(ShipAssembled::TYPE),
            BuildStatus::Failed => Some(AssemblyFailed::TYPE),
        };
        if told.get(&build.order).copied() != kind {
            let (status, told) = (build.status.as_str(), told.get(&build.order).unwrap_or(&"nothing"));
            check.broken_by(Row::of_order("job", build.order), format!("is {status}, but has published {told}"));
        }
    }
}
