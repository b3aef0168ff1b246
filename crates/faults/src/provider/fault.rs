//! What can go wrong at the provider, and which request meets what.

use std::collections::VecDeque;

/// What goes wrong with one POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderFault {
    /// It is done, and the answer comes after everybody has stopped waiting.
    Silent,
    /// It is done, and the answer is held back until [`Provider::release`](super::Provider::release).
    Withheld,
    /// This status and an empty body, and nothing is done.
    Status(u16),
    /// A charge is declined for this code. A refund is done.
    Declined(&'static str),
    /// A charge is begun, and done only when it is looked at again. A refund is done.
    Slow,
}

/// How the provider behaves until it is told otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Well,
    /// Every new charge meets this fault.
    Charging(ProviderFault),
    /// Every new refund meets this fault.
    Refunding(ProviderFault),
    /// Every new charge is taken twice, under one key, and the second answer is given.
    Duplicating,
}

/// What a POST is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Charge,
    Refund,
}

#[derive(Default)]
pub(super) struct Faults {
    pub mode: Mode,
    pub charges: VecDeque<ProviderFault>,
    pub refunds: VecDeque<ProviderFault>,
}

impl Faults {
    /// What the next new POST meets: the script first.
    pub fn next(&mut self, purpose: Purpose) -> Option<ProviderFault> {
        let script = match purpose {
            Purpose::Charge => &mut self.charges,
            Purpose::Refund => &mut self.refunds,
        };
        script.pop_front().or(match (purpose, self.mode) {
            (Purpose::Charge, Mode::Charging(fault)) | (Purpose::Refund, Mode::Refunding(fault)) => Some(fault),
            _ => None,
        })
    }
}
