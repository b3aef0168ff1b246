//! The faults and modes of the provider.

use std::collections::{HashMap, VecDeque};

/// A fault of one POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderFault {
    /// It takes effect, and the response comes after every client has timed out.
    Silent,
    /// It takes effect, and the response is withheld until [`Provider::release`](crate::Provider::release).
    Withheld,
    /// It takes effect, and the connection closes before the response.
    Lost,
    /// Responds with this status and an empty body, without effect.
    Status(u16),
    /// A charge is declined with this code. A refund takes effect.
    Declined(&'static str),
    /// A charge is processing until it is read. A refund takes effect.
    Slow,
}

/// How the provider behaves unless a fault is scripted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Well,
    /// Every new charge meets this fault.
    Charging(ProviderFault),
    /// Every new refund meets this fault.
    Refunding(ProviderFault),
    /// For each refund, this many requests fail with 500 and have no effect.
    RefundingLate(usize),
    /// Every new charge takes effect and its response is lost with the connection. The search does not find it, as Stripe's index lags
    /// behind; a retry under the same key gets the stored response.
    Duplicating,
}

/// The purpose of a POST.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Charge,
    Refund,
}

#[derive(Default)]
pub(super) struct Faults {
    pub mode: Mode,
    /// The faults of the next new charges.
    pub script: VecDeque<ProviderFault>,
    /// How many requests have met a fault.
    pub met: usize,
    /// The failed requests of each refund, by key.
    vain: HashMap<String, usize>,
}

impl Faults {
    /// The fault of the next new POST with this key; scripted faults come first.
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
