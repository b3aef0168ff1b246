//! The audit of the world once it is quiet: what its databases and topics say, held against what customers, provider and chats know.

use std::{sync::Arc, time::Duration};

use audit::{
    Facts,
    facts::{Bounds, Entry, EntryKind, Told},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    load::Load,
    world::{self, World},
};
use crate::{
    commands::audit::probe::probe,
    facts::{fingerprint, under_way},
};

/// How long the shop may take to become quiet once nobody asks anything.
const QUIET: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(250);
/// How payment's rows name the provider that speaks Stripe's API.
const STRIPE: &str = "stripe";

/// What is wrong, each a sentence that names the row.
pub async fn of(world: &World, load: &Load) -> anyhow::Result<Vec<String>> {
    let (mut facts, mut problems) = quiet_facts(world).await?;
    problems.extend(load.surprises());
    facts.bounds = Bounds { build: world::BUILD_MAX, ..Bounds::default() };
    facts.acknowledged.extend(load.acknowledged());
    facts.told = Some(told(world));
    facts.poison = Some(world.poison.clone());
    facts.ledger.extend(entries(world));
    facts.books.push(STRIPE.to_owned());
    facts.probes = probe(&world.shop()?).await?.0;
    let report = audit::check(&facts);
    for finding in &report.findings {
        let number = finding.number;
        problems
            .extend(finding.violations.iter().map(|one| format!("invariant {number}: {}: {}", one.row, one.problem)));
        problems
            .extend(finding.missing.iter().map(|missing| format!("invariant {number} cannot be checked: {missing}")));
        if finding.counted.iter().all(|count| count.count == 0) {
            problems.push(format!("invariant {number} had nothing to look at"));
        }
    }
    Ok(problems)
}

/// Everything at a moment at which nothing happens. A shop that does not come to rest is a problem, and is read as it is.
async fn quiet_facts(world: &World) -> anyhow::Result<(Facts, Vec<String>)> {
    let databases = &world.sources.databases;
    let until = Instant::now() + QUIET;
    loop {
        let busy = under_way(databases).await?;
        let late = Instant::now() >= until;
        if !busy.is_empty() && !late {
            tokio::time::sleep(POLL).await;
            continue;
        }
        let before = fingerprint(databases).await?;
        let facts = world.sources.gather(Arc::new(|_, _, _| {})).await?;
        if late {
            let problem = format!("the shop is not quiet after {} s: {}", QUIET.as_secs(), busy.join(", "));
            return Ok((facts, vec![problem]));
        }
        if fingerprint(databases).await? == before && under_way(databases).await?.is_empty() {
            return Ok((facts, Vec::new()));
        }
    }
}

/// What arrived in chats. The world's templates make every message `<kind> <order>`.
fn told(world: &World) -> Vec<Told> {
    let messages = world.telegram.messages().into_iter();
    let read = messages.filter_map(|sent| {
        let (kind, order) = sent.text.trim().split_once(' ')?;
        Some(Told { order: Uuid::try_parse(order).ok()?, kind: kind.to_owned(), chat: sent.chat })
    });
    read.collect()
}

fn entries(world: &World) -> Vec<Entry> {
    let entries = world.provider.entries().into_iter();
    let read = entries.map(|entry| Entry {
        key: entry.key,
        kind: match entry.kind {
            faults::EntryKind::Charge => EntryKind::Charge,
            faults::EntryKind::Decline => EntryKind::Decline,
            faults::EntryKind::Refund => EntryKind::Refund,
        },
        order: entry.order,
        amount: entry.amount,
    });
    read.collect()
}
