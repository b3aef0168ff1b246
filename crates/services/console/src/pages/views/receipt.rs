//! The receipt of an order: each invariant that concerns it, and the evidence.

use askama::Template;

use super::layout::Problem;
use crate::pages::format::{Moment, short};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    Held,
    /// Not known yet: work is under way, or a database does not respond.
    Open,
    Violated,
}

#[derive(Clone, Debug)]
pub struct CheckView {
    /// The invariant's number or name.
    pub invariant: String,
    pub text: String,
    pub state: CheckState,
    pub evidence: Vec<String>,
}

impl CheckView {
    pub fn class(&self) -> &'static str {
        match self.state {
            CheckState::Held => "held",
            CheckState::Open => "open",
            CheckState::Violated => "violated",
        }
    }

    pub fn word(&self) -> &'static str {
        match self.state {
            CheckState::Held => "held",
            CheckState::Open => "not yet",
            CheckState::Violated => "violated",
        }
    }

    pub fn sign(&self) -> &'static str {
        match self.state {
            CheckState::Held => "\u{2713}",
            CheckState::Open => "\u{2026}",
            CheckState::Violated => "\u{2715}",
        }
    }

    pub fn is_open(&self) -> bool {
        self.state == CheckState::Open
    }

    pub fn is_violated(&self) -> bool {
        self.state == CheckState::Violated
    }
}

#[derive(Template)]
#[template(path = "receipt.html")]
pub struct Receipt {
    pub order_uuid: String,
    pub checks: Vec<CheckView>,
    pub checked_at: Option<Moment>,
    /// Set if the receipt could not be made; `checks` is then empty.
    pub problem: Option<Problem>,
}

impl Receipt {
    pub fn short(&self) -> &str {
        short(&self.order_uuid)
    }

    pub fn count(&self, state: CheckState) -> usize {
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
