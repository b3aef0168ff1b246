//! What can go wrong at the provider, and which request meets what.

use std::collections::{HashMap, VecDeque};

/// What goes wrong with one POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderFault {
    /// It is done, and the answer comes after everybody has stopped waiting.
    Silent,
    /// It is done, and the answer is held back until [`Provider::release`](crate::Provider::release).
    Withheld,
    /// It is done, and the connection ends before the answer.
    Lost,
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
    /// Of each refund, the first so many requests are answered 500 and nothing is done.
    RefundingLate(usize),
    /// Every new charge is made and its answer lost with the connection. The search does not find it yet, as Stripe's lags behind
    /// its books; so whoever wants to know asks again under the key, and gets the answer a second time.
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
    /// What the next new charges meet.
    pub script: VecDeque<ProviderFault>,
    /// How many requests met a fault.
    pub met: usize,
    /// How often each refund was asked for in vain, by key.
    vain: HashMap<String, usize>,
}

impl Faults {
    /// What the next new POST, which has this key, meets: the script first.
    pub fn next(&mut self, purpose: Purpose, key: &str) -> Option<ProviderFault> {
        let scripted = if purpose == Purpose::Charge { self.script.pop_front() } else { None };
        let fault = scripted.or_else(|| match (purpose, self.mode) {
            (Purpose::Charge, Mode::Charging(fault)) | (Purpose::Refund, Mode::Refunding(fault)) => Some(fault),
            (Purpose::Charge, Mode::Duplicating) => Some(ProviderFault::Lost),
            (Purpose::Refund, Mode::RefundingLate(times)) => self.vain(key, times),
            _ => None,
        });
        self.met += usize::from(fault.is_some());
        fault
    }

    fn vain(&mut self, key: &str, times: usize) -> Option<ProviderFault> {
        let vain = self.vain.entry(key.to_owned()).or_default();
        *vain += 1;
        (*vain <= times).then_some(ProviderFault::Status(500))
    }
}
