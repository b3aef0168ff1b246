//! The state of the model: one order, its parts, its payments, the provider's ledger, and the processes that work on
//! the order.

use contracts::ids::TransactionId;
use inventory::model::Status as Reservation;
use order::model::{AttemptLease, Status, Step};
use payment::model::{Payment, Status as PaymentStatus};
use simulation::{Change, Rows};
use uuid::Uuid;

/// The number of processes: two requests to pay, then two reconcilers.
pub const PROCESSES: usize = 4;
pub const REQUESTS: usize = 2;
/// The number of attempts that requests may start.
pub const MAX_ATTEMPTS: u32 = 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct State {
    /// A lease counts only in the current epoch, so the model stores 1 for the current epoch and 0 for all earlier
    /// ones. Their changes are those of [`Rows::write`].
    pub rows: Rows,
    /// True if a process has ended an attempt although payment's rows do not justify it.
    pub unjustified: bool,
    pub reservation: Reservation,
    /// True if other orders have bought this order's parts.
    pub sold: bool,
    /// The provider's entry, by attempt.
    pub books: [Entry; MAX_ATTEMPTS as usize],
    /// Requests to payment that may still arrive although their sender no longer waits, by attempt.
    pub late: [Late; MAX_ATTEMPTS as usize],
    pub processes: [Process; PROCESSES],
    /// True once payment has received the cancellation.
    pub payment_told: bool,
    pub inventory_told: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Entry {
    #[default]
    None,
    Charged,
    Declined,
    /// The provider has accepted, but not made, the refund of the request with this number.
    RefundPending(u32),
    /// The refund of the request with this number failed: the charge stands.
    RefundFailed(u32),
    Refunded,
}

impl Entry {
    pub fn is_charged(self) -> bool {
        match self {
            Self::None | Self::Declined => false,
            Self::Charged | Self::RefundPending(_) | Self::RefundFailed(_) | Self::Refunded => true,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Late {
    pub charge: bool,
    pub void: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Process {
    Idle,
    /// The process is about to ask inventory to confirm the reservation.
    Confirms(AttemptLease),
    /// The process is about to take this step.
    Goes(AttemptLease, Step),
    /// The process has called payment, and waits.
    Waits(AttemptLease, Step),
    /// The request that the process stood for has ended.
    Gone,
}

impl State {
    pub fn new() -> Self {
        Self {
            rows: Rows { epoch: 1, ..Rows::default() },
            unjustified: false,
            reservation: Reservation::Held,
            sold: false,
            books: Default::default(),
            late: Default::default(),
            processes: [Process::Idle; PROCESSES],
            payment_told: false,
            inventory_told: false,
        }
    }

    /// Returns the canonical form: an epoch is current or not, and reconcilers are interchangeable.
    pub fn canonical(mut self) -> Self {
        for process in &mut self.processes {
            if let Process::Confirms(lease) | Process::Goes(lease, _) | Process::Waits(lease, _) = process {
                lease.epoch = i64::from(lease.epoch == self.rows.epoch);
            }
        }
        self.rows.epoch = 1;
        if rank(&self.processes[2]) > rank(&self.processes[3]) {
            self.processes.swap(2, 3);
        }
        self
    }

    pub fn write(&mut self, change: &Change) {
        self.unjustified |= !self.rows.justify(change);
        self.rows.write(change);
    }

    pub fn charged(&self) -> impl Iterator<Item = u32> {
        (1..=MAX_ATTEMPTS).filter(|attempt| self.books[index(*attempt)].is_charged())
    }

    /// Returns true if no work is pending or can still begin.
    pub fn is_over(&self) -> bool {
        let settled = |payment: &Payment| {
            !matches!(payment.status, PaymentStatus::Pending { .. } | PaymentStatus::Refunding { .. })
        };
        self.rows.order.status != Status::PendingPayment
            && self.processes.iter().all(|process| matches!(process, Process::Idle | Process::Gone))
            && self.late == [Late::default(); MAX_ATTEMPTS as usize]
            && self.rows.payments.iter().all(settled)
            && (self.rows.order.status != Status::Cancelled || self.payment_told && self.inventory_told)
    }
}

fn rank(process: &Process) -> (u8, i64, i32, u8) {
    let of = |place, lease: &AttemptLease, step: Option<&Step>| {
        let step = match step {
            None => 0,
            Some(Step::Charge) => 1,
            Some(Step::Void) => 2,
            Some(Step::ConfirmCharged) => 3,
            Some(Step::AskLater) => 4,
            Some(Step::End(ending)) => 5 + *ending as u8,
        };
        (place, lease.epoch, lease.attempt.number, step)
    };
    match process {
        Process::Idle => (0, 0, 0, 0),
        Process::Confirms(lease) => of(1, lease, None),
        Process::Goes(lease, step) => of(2, lease, Some(step)),
        Process::Waits(lease, step) => of(3, lease, Some(step)),
        Process::Gone => (4, 0, 0, 0),
    }
}

pub fn index(attempt: u32) -> usize {
    attempt as usize - 1
}

pub fn transaction(attempt: u32) -> TransactionId {
    TransactionId::new(Uuid::from_u128(u128::from(attempt)))
}
