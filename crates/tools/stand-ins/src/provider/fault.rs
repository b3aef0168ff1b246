//! The faults and modes of the provider.

use std::collections::{HashMap, VecDeque};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderFault {
    /// The request takes effect, but the response is sent only after every client has timed out.
    Silent,
    /// The request takes effect, but the response is withheld until [`Provider::release`](crate::Provider::release).
    Withheld,
    /// The request takes effect, but the connection closes before the response.
    Lost,
    /// The request has no effect. The response is this status with an empty body.
    Status(u16),
    /// The request has no effect. The response is this status, which is stored under the key and replayed.
    Stored(u16),
    /// A charge is declined with this code. A refund takes effect.
    Declined(&'static str),
    /// A charge is processing, or a refund pending, until a request reads it. Then it succeeds.
    Slow,
    /// A charge is processing, or a refund pending, until a request reads it. Then it fails.
    Failing,
    /// A charge is processing, or a refund pending, until [`Provider::complete`](crate::Provider::complete).
    Processing,
}

/// The provider's behaviour unless a fault is scripted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Well,
    /// Every new charge has this fault.
    Charging(ProviderFault),
    /// Every new refund has this fault.
    Refunding(ProviderFault),
    /// This many requests for each refund fail with 500, without effect.
    RefundingLate(usize),
    /// Every new charge takes effect, but its response is lost with the connection. Searches do not find the charge, as
    /// if Stripe's index lagged behind. A retry under the same key gets the stored response.
    Duplicating,
}

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
    /// The number of requests that were handled with a fault.
    pub met: usize,
    /// The number of failed requests for each refund, by key.
    vain: HashMap<String, usize>,
}

impl Faults {
    /// Returns the fault of the new POST with this key. Scripted faults come first.
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
