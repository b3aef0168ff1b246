//! The receipt of an order: each invariant that concerns it, and the evidence.

use askama::Template;
use contracts::ids::OrderId;
use platform::{clock, http::problem::Problem};

use super::{
    format::{Moment, short},
    refusal::{Refusal, or_missing},
};
use crate::model::{Check, CheckState};

impl CheckState {
    pub fn class(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Open => "open",
            Self::Violated => "violated",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Open => "not yet",
            Self::Violated => "violated",
        }
    }

    pub fn sign(self) -> &'static str {
        match self {
            Self::Held => "\u{2713}",
            Self::Open => "\u{2026}",
            Self::Violated => "\u{2715}",
        }
    }

    pub fn is_violated(self) -> bool {
        self == Self::Violated
    }
}

#[derive(Template)]
#[template(path = "receipt.html")]
pub struct Receipt {
    pub order_uuid: String,
    pub checks: Vec<Check>,
    pub checked_at: Moment,
    /// Set if the receipt could not be made; `checks` is then empty.
    pub problem: Option<Refusal>,
}

impl Receipt {
    pub fn new(order: OrderId, checks: Result<Vec<Check>, Problem>) -> Self {
        let (checks, _, problem) = or_missing(checks);
        Self { order_uuid: order.to_string(), checks, checked_at: Moment(clock::now()), problem }
    }

    pub fn short(&self) -> &str {
        short(&self.order_uuid)
    }

    fn count(&self, state: CheckState) -> usize {
        self.checks.iter().filter(|check| check.state == state).count()
    }

    pub fn verdict(&self) -> String {
        let (all, held) = (self.checks.len(), self.count(CheckState::Held));
        match (self.count(CheckState::Violated), self.count(CheckState::Open)) {
            (0, 0) => format!("All {all} promises held"),
            (0, open) => format!("{held} of {all} promises held, {open} not yet"),
            (1, _) => format!("1 of {all} promises is violated"),
            (violated, _) => format!("{violated} of {all} promises are violated"),
        }
    }

    pub fn verdict_class(&self) -> &'static str {
        match (self.count(CheckState::Violated), self.count(CheckState::Open)) {
            (0, 0) => "held",
            (0, _) => "open",
            _ => "violated",
        }
    }
}
