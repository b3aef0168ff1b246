//! The plan of one run. It follows entirely from a seed, and can be reduced.

use std::fmt;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// A fault that the simulation injects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A process dies at a random moment.
    Crash,
    /// A process dies right before or after a durable operation.
    CrashAtStep,
    /// A process is frozen for a while, and then continues. Sometimes another one is started in its place meanwhile.
    Freeze,
    Loss,
    Duplicate,
    /// An operation takes long.
    Delay,
    /// A task pauses between a response and its reaction, for longer than others wait for it, and then continues.
    Stall,
    /// The broker does not acknowledge some records of a batch: it refuses or loses them, or stores them nevertheless.
    Broker,
    /// An offset is not committed, or a consumer returns to an older one.
    Redelivery,
    /// A consumer that has lost its partition handles a message late.
    Zombie,
    /// The payment provider refuses, fails, does not respond, or hangs.
    Provider,
    /// The database is unavailable, or its response is lost.
    Database,
    /// A foreign producer publishes a poison record.
    Poison,
}

impl Fault {
    pub const ALL: [Self; 13] = [
        Self::Crash,
        Self::CrashAtStep,
        Self::Freeze,
        Self::Loss,
        Self::Duplicate,
        Self::Delay,
        Self::Stall,
        Self::Broker,
        Self::Redelivery,
        Self::Zombie,
        Self::Provider,
        Self::Database,
        Self::Poison,
    ];

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Returns the usual probability of the fault, each time it could happen.
    const fn rate(self) -> f64 {
        match self {
            Self::Crash => 0.25,
            Self::CrashAtStep => 0.004,

            Self::Loss => 0.04,
            Self::Duplicate | Self::Broker | Self::Zombie => 0.05,
            Self::Freeze | Self::Delay | Self::Stall | Self::Redelivery | Self::Poison => 0.1,
            Self::Provider => 0.2,
            Self::Database => 0.006,
        }
    }
}

/// A deliberate mistake in the code, to test that the auditor finds its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Offsets are committed before the effect is.
    AcknowledgeBeforeEffect,
    /// A redelivered event is not recognised.
    NoInbox,
    /// Events are published before the write that they report is committed.
    PublishBeforeCommit,
    /// Stock is read, and reserved later regardless of changes in between.
    ReadThenWriteStock,
    /// A payment without a response counts as declined.
    TimeoutIsFailure,
    /// Outbox rows are marked as published before the broker has acknowledged them.
    MarkBeforeAck,
    /// An attempt ends because inventory is unavailable, although another process may have asked payment to charge it.
    AbandonWhatMayBeCharged,
    /// A relay changes its table even after another relay has taken over its lease.
    UnfencedRelay,
    /// Every process that ever worked on an attempt may decide it, although payment has not voided the attempt.
    UnfencedAttempts,
    /// A charge whose outcome is unknown is requested again under a new key.
    NewKeyOnRetry,
    /// Inventory expires due reservations without asking whether their orders exist.
    ExpireWithoutAsking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    pub users: u32,
    pub orders: u32,
    /// The seconds for which faults are injected.
    pub seconds: u32,
    faults: u32,
    /// The factor for the usual probabilities of faults, in percent.
    intensity: u32,
    pub mistake: Option<Mistake>,
    /// True for few parts with short reservations: orders lose their parts, and get them back.
    pub scarce: bool,
}

impl Plan {
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut faults = 0;
        for fault in Fault::ALL {
            if rng.random_bool(0.6) {
                faults |= fault.bit();
            }
        }
        Self {
            seed,
            users: rng.random_range(1..=4),
            orders: rng.random_range(1..=3),
            seconds: rng.random_range(5..=40),
            faults,
            intensity: [30, 100, 100, 300, 1000][rng.random_range(0..5)],
            mistake: None,
            scarce: false,
        }
    }

    /// Creates a plan in which many users want the same few parts, whose reservations expire again and again while
    /// responses are lost and tasks pause. So processes compete over attempts that inventory refuses to one and grants
    /// to the next.
    pub fn scarce(seed: u64) -> Self {
        let faults = [Fault::Freeze, Fault::Stall, Fault::Loss, Fault::Provider, Fault::Database];
        let faults = faults.into_iter().fold(0, |all, fault| all | fault.bit());
        Self { users: 6, orders: 6, seconds: 60, faults, intensity: 300, scarce: true, ..Self::from_seed(seed) }
    }

    pub fn with(self, mistake: Mistake) -> Self {
        Self { mistake: Some(mistake), ..self }
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults & fault.bit() != 0
    }

    /// Returns the probability of a fault, each time it could happen.
    pub fn rate(&self, fault: Fault) -> f64 {
        if self.has(fault) { (fault.rate() * f64::from(self.intensity) / 100.0).min(0.7) } else { 0.0 }
    }

    /// Returns plans that are a little smaller.
    pub fn smaller(&self) -> Vec<Self> {
        let without = Fault::ALL.into_iter().filter(|fault| self.has(*fault));
        let mut all: Vec<Self> = without.map(|fault| Self { faults: self.faults & !fault.bit(), ..*self }).collect();
        if self.users > 1 {
            all.push(Self { users: self.users - 1, ..*self });
        }
        if self.orders > 1 {
            all.push(Self { orders: self.orders - 1, ..*self });
        }
        if self.intensity > 10 {
            all.push(Self { intensity: self.intensity / 2, ..*self });
        }
        if self.seconds > 5 {
            all.push(Self { seconds: self.seconds / 2, ..*self });
        }
        all
    }

    /// Parses the output of [`Display`](fmt::Display): a seed, after `scarce` for such a plan, or a seed with the
    /// reductions.
    pub fn parse(text: &str) -> Option<Self> {
        let scarce = text.strip_prefix("scarce");
        let mut numbers = scarce.unwrap_or(text).split('.');
        let of = if scarce.is_some() { Self::scarce } else { Self::from_seed };
        let mut plan = of(numbers.next()?.parse().ok()?);
        if let Some(users) = numbers.next() {
            plan.users = users.parse().ok()?;
            plan.orders = numbers.next()?.parse().ok()?;
            plan.seconds = numbers.next()?.parse().ok()?;
            plan.faults = u32::from_str_radix(numbers.next()?, 16).ok()?;
            plan.intensity = numbers.next()?.parse().ok()?;
        }
        Some(plan)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, users, orders, seconds, faults, intensity, .. } = self;
        let (kind, whole) = if self.scarce { ("scarce", Self::scarce(*seed)) } else { ("", Self::from_seed(*seed)) };
        if *self == (Self { mistake: self.mistake, ..whole }) {
            write!(f, "{kind}{seed}")
        } else {
            write!(f, "{kind}{seed}.{users}.{orders}.{seconds}.{faults:x}.{intensity}")
        }
    }
}
