//! The check of a recording, by sequences that a run can and cannot have.

use contracts::ids::TransactionId;
use order::model::{AttemptEnd, PaymentMethod};
use payment::model::{ChargeOutcome, Decline, RefundState};
use simulation::{Change, OutboxRow, Rows, check};
use uuid::Uuid;

fn transaction() -> TransactionId {
    TransactionId::new(Uuid::from_u128(7))
}

fn charged() -> ChargeOutcome {
    ChargeOutcome::Charged { reference: String::new() }
}

fn end(end: AttemptEnd) -> Change {
    Change::End(end, matches!(end, AttemptEnd::Paid | AttemptEnd::Compensated).then(transaction))
}

/// Returns the states that follow a new order by these changes, whether they are justified or not.
fn recording(changes: &[Change]) -> Vec<Rows> {
    let mut states = vec![Rows::default()];
    for change in changes {
        let mut rows = states.last().expect("the first state").clone();
        rows.write(change);
        assert_ne!(Some(&rows), states.last(), "{change:?} has no effect");
        states.push(rows);
    }
    states
}

fn begin() -> Change {
    Change::Begin(PaymentMethod::Card)
}

fn record() -> Change {
    Change::Record(1, transaction())
}

#[test]
fn what_order_and_payment_can_do_is_accepted() {
    let void = || Change::Void(1, transaction());
    let settle = |outcome| Change::Settle(1, outcome);
    let failed = || Change::HearRefund(1, RefundState::Failed);
    let refunded = || Change::HearRefund(1, RefundState::Refunded);
    let possible = [
        vec![begin(), record(), settle(charged()), end(AttemptEnd::Paid), Change::Assemble],
        vec![begin(), record(), settle(ChargeOutcome::REFUSED), end(AttemptEnd::Declined), begin(), Change::Take],
        vec![begin(), end(AttemptEnd::Abandoned), Change::Cancel, Change::HearCancellation],
        vec![begin(), end(AttemptEnd::Cancelled)],
        vec![begin(), Change::Take, void(), end(AttemptEnd::Cancelled)],
        vec![
            begin(),
            record(),
            Change::Take,
            settle(charged()),
            end(AttemptEnd::Compensated),
            Change::HearCancellation,
            failed(),
            refunded(),
            failed(),
            refunded(),
        ],
        vec![begin(), record(), settle(charged()), end(AttemptEnd::Paid), Change::Compensate],
    ];
    for changes in possible {
        assert_eq!(check(&recording(&changes)), Ok(()), "{changes:?}");
    }
}

#[test]
fn an_end_of_an_attempt_that_payment_does_not_justify_is_impossible() {
    let declined = ChargeOutcome::Declined(Decline::InsufficientFunds);
    let settled = |outcome| vec![begin(), record(), Change::Settle(1, outcome)];
    let shared = || vec![begin(), Change::Take];
    let impossible = [
        // The outcome is unknown.
        (vec![begin(), record()], AttemptEnd::Declined),
        (vec![begin(), record()], AttemptEnd::Abandoned),
        (vec![begin(), record()], AttemptEnd::Cancelled),
        (vec![begin(), record()], AttemptEnd::Paid),
        // Payment says otherwise.
        (settled(charged()), AttemptEnd::Declined),
        (settled(charged()), AttemptEnd::Cancelled),
        (settled(declined.clone()), AttemptEnd::Paid),
        (settled(declined), AttemptEnd::Compensated),
        // Another process may have requested the charge.
        (shared(), AttemptEnd::Abandoned),
        (shared(), AttemptEnd::Cancelled),
    ];
    for (mut changes, ending) in impossible {
        changes.push(end(ending));

        let found = check(&recording(&changes)).unwrap_err();

        assert_eq!(found.step, changes.len(), "{changes:?}: {found}");
    }
}

#[test]
fn a_state_that_no_change_leads_to_is_impossible() {
    let paid = recording(&[begin(), record(), Change::Settle(1, charged()), end(AttemptEnd::Paid)]);
    let step = |from: usize, to: usize| check(&[paid[from].clone(), paid[to].clone()]).map_err(|found| found.step);

    // A settled payment becomes pending, an attempt that has ended continues, and two changes are made at once.
    assert_eq!(step(3, 2), Err(1));
    assert_eq!(step(4, 3), Err(1));
    assert_eq!(step(0, 2), Err(1));
    assert_eq!(step(2, 2), Ok(()));
}

#[test]
fn an_outbox_row_is_published_once_and_not_while_it_is_set_aside() {
    use OutboxRow::{Absent, Aside, Published, Waiting};
    let recordings: [(&[OutboxRow], Option<usize>); 8] = [
        (&[Absent, Waiting, Published], None),
        (&[Absent, Waiting, Aside, Aside, Waiting, Published, Published], None),
        (&[Waiting, Aside], None),
        (&[Absent, Published], Some(1)),
        (&[Absent, Aside], Some(1)),
        (&[Absent, Waiting, Aside, Published], Some(3)),
        (&[Waiting, Published, Waiting, Published], Some(2)),
        (&[Published, Aside], Some(1)),
    ];
    for (states, impossible) in recordings {
        assert_eq!(check(states).err().map(|found| found.step), impossible, "{states:?}");
    }
}
