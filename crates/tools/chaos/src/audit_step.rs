//! The audit after a fault: compares databases and topics with the records of customers, payment provider and chats.

use std::{collections::HashSet, sync::Arc, time::Duration};

use audit::{
    Facts,
    facts::{Bounds, Entry, EntryKind, Told},
};
use drive::customers::Load;
use stand_ins::Sent;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    cluster::{self, Cluster},
    topics,
};
use operations::databases::Databases;
use operations::facts::{accepted_refunds, fingerprint, under_way};
use operations::session_probe::probe;

/// Pending work may make no progress for this long. Notification retries a message only after Telegram has been
/// available for a minute.
const PROGRESS_TIMEOUT: Duration = Duration::from_mins(2);
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The name of the Stripe provider in payment's rows.
const STRIPE: &str = "stripe";
/// The number of the invariant that is checked by requests (session probes), not by rows.
const SESSION_PROBES_INVARIANT: u8 = 9;

/// Audits the system after a fault. Returns one sentence per violation that is not in `known`, and adds it to `known`.
pub async fn run(cluster: &Cluster, load: &Load, slack: u32, known: &mut HashSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    let violations = load.journal.violations();
    problems.extend(violations.into_iter().filter(|violation| known.insert(violation.clone())));
    let facts = match facts(cluster, load, slack, &mut problems).await {
        Ok(facts) => facts,
        Err(error) => {
            problems.push(format!("the audit failed: {error:#}"));
            return problems;
        }
    };
    problems.extend(lost_loans(&facts, load).into_iter().filter(|lost| known.insert(lost.clone())));
    for finding in &audit::check(&facts).findings {
        let number = finding.number;
        let rows = finding.violations.iter().map(|one| format!("invariant {number}: {}: {}", one.row, one.problem));
        // Violations found by probes are always reported: each fault has new probes, and their texts name no row.
        problems.extend(rows.filter(|row| number == SESSION_PROBES_INVARIANT || known.insert(row.clone())));
        problems.extend(finding.missing.iter().map(|what| format!("invariant {number} cannot be checked: {what}")));
        if finding.counted.iter().all(|count| count.count == 0) {
            problems.push(format!("invariant {number} had nothing to check"));
        }
    }
    problems
}

/// Returns the loans that the broker has accepted but customers does not store, although it has read its topic to the
/// end.
fn lost_loans(facts: &Facts, load: &Load) -> Vec<String> {
    let known: HashSet<&str> = facts.loans.iter().map(|loan| loan.id.as_str()).collect();
    let lost = load.journal.lent().into_iter().filter(|loan| !known.contains(loan.as_str()));
    lost.map(|loan| format!("loan {loan} was approved, and customers does not have it")).collect()
}

async fn facts(cluster: &Cluster, load: &Load, slack: u32, problems: &mut Vec<String>) -> anyhow::Result<Facts> {
    let (mut facts, busy) = quiet_facts(cluster, PROGRESS_TIMEOUT * slack).await?;
    problems.extend(busy);
    facts.bounds = Bounds { build: cluster::MAX_BUILD_TIME, ..Bounds::default() };
    facts.acknowledged.extend(load.journal.acknowledged());
    facts.told = Some(told(cluster.telegram.messages()));
    facts.refused = Some(told(cluster.telegram.refused()));
    facts.poison = Some(cluster.poison.clone());
    facts.ledger.extend(entries(cluster));
    facts.books.push(STRIPE.to_owned());
    facts.all_books = true;
    facts.probes = again(async || probe(&cluster.shop()?).await).await?;
    Ok(facts)
}

/// Gathers all facts at a moment without pending work. If pending work makes no progress for `limit`, also returns this
/// as a problem. It waits while a backlog shrinks: Telegram accepts one message per second and chat.
async fn quiet_facts(cluster: &Cluster, limit: Duration) -> anyhow::Result<(Facts, Option<String>)> {
    let databases = &cluster.sources.databases;
    let (mut moved, mut seen) = (Instant::now(), String::new());
    loop {
        let busy = again(async || busy(cluster).await).await?;
        let before = again(async || fingerprint(databases).await).await?;
        if before != seen {
            moved = Instant::now();
        }
        let stands_still = moved.elapsed() >= limit;
        if !busy.is_empty() && !stands_still {
            seen = before;
            tokio::time::sleep(POLL_INTERVAL).await;
            continue;
        }
        let facts = again(async || cluster.sources.gather(Arc::new(|_, _, _| {})).await).await?;
        if stands_still {
            let problem = format!("no progress for {} s: {}", limit.as_secs(), busy.join(", "));
            return Ok((facts, Some(problem)));
        }
        if fingerprint(databases).await? == before && pending(databases).await?.is_empty() {
            return Ok((facts, None));
        }
    }
}

/// Returns the pending work in the databases; if there is none, the records that consumer groups have not committed.
async fn busy(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let mut busy = pending(&cluster.sources.databases).await?;
    if busy.is_empty() {
        busy = topics::uncommitted_by_group(cluster).await?;
    }
    Ok(busy)
}

/// Returns the pending work in the databases, including the refunds that the provider's stand-in has accepted, which it
/// makes within seconds. An event that a consumer has dead-lettered is pending: no fault may leave one.
async fn pending(databases: &Databases) -> anyhow::Result<Vec<String>> {
    let mut pending = under_way(databases).await?;
    let accepted = accepted_refunds(databases).await?;
    if accepted > 0 {
        pending.push(format!("{accepted} accepted refunds"));
    }
    Ok(pending)
}

/// Calls `ask` up to three times, since a server that has just recovered may fail once more.
async fn again<T>(ask: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    for _ in 0..2 {
        match ask().await {
            Err(error) => tracing::warn!(error = format!("{error:#}"), "retrying"),
            answer => return answer,
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    ask().await
}

/// Returns the notifications that arrived in chats. The cluster's templates render each as `<kind> <order>`.
fn told(messages: Vec<Sent>) -> Vec<Told> {
    let read = messages.into_iter().filter_map(|Sent { chat, text, .. }| {
        let (kind, order) = text.split_once(' ')?;
        Some(Told { order: Uuid::try_parse(order).ok()?, kind: kind.to_owned(), chat })
    });
    read.collect()
}

fn entries(cluster: &Cluster) -> Vec<Entry> {
    let entries = cluster.provider.entries().into_iter();
    let read = entries.map(|entry| Entry {
        key: entry.key,
        kind: match entry.kind {
            stand_ins::EntryKind::Charge => EntryKind::Charge,
            stand_ins::EntryKind::Decline => EntryKind::Decline,
            stand_ins::EntryKind::Refund => EntryKind::Refund,
        },
        order: entry.order,
        amount: entry.amount,
        account: None,
    });
    read.collect()
}
