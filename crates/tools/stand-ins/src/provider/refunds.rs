//! Making, reading and listing refunds.

use serde_json::{Value, json};

use super::{
    EntryKind, Post,
    fault::ProviderFault,
    intent::Status,
    ledger::Ledger,
    refund::{Refund, State},
    response::StripeResponse,
};

impl Ledger {
    /// Refunds the whole charge, or the given amount. A failed refund does not count: the charge may be refunded again.
    pub fn refund(&mut self, post: &Post, fault: Option<ProviderFault>) -> StripeResponse {
        let Some(intent) = post.form.get("payment_intent").and_then(|id| self.intents.get(id)) else {
            return StripeResponse::missing();
        };
        let amount = post.form.get("amount").map_or(Some(intent.amount), |amount| amount.parse().ok());
        let Some(amount) = amount.filter(|amount| (1..=intent.amount).contains(amount)) else {
            return StripeResponse::invalid("parameter_invalid_integer");
        };
        if intent.status != Status::Succeeded {
            return StripeResponse::invalid("payment_intent_unexpected_state");
        }
        let own = self.refunds.iter().filter(|refund| refund.intent == intent.id && refund.state != State::Failed);
        let left = intent.amount - own.map(|refund| refund.amount).sum::<i64>();
        if left == 0 {
            return StripeResponse::invalid("charge_already_refunded");
        }
        if left < amount {
            return StripeResponse::invalid("amount_too_large");
        }
        let refund = Refund {
            id: format!("re_{}", self.refunds.len() + 1),
            key: post.key.clone(),
            intent: intent.id.clone(),
            amount,
            transaction: post.form.get("metadata[transaction_uuid]").cloned(),
            refund: post.form.get("metadata[refund]").cloned(),
            state: State::from_fault(fault),
        };
        self.entries.extend(refund.entry(intent));
        let answer = StripeResponse::ok(refund.json());
        self.refunds.push(refund);
        answer
    }

    /// Returns the current state of a refund. Reading may end it.
    pub fn look_at_refund(&mut self, id: &str) -> Option<Value> {
        let refund = self.refunds.iter_mut().find(|refund| refund.id == id)?;
        match refund.state {
            State::Pending => {
                refund.state = State::Succeeded;
                self.entries.extend(refund.entry(self.intents.get(&refund.intent)?));
            }
            State::Failing => refund.state = State::Failed,
            State::Succeeded | State::Held | State::Failed => {}
        }
        Some(refund.json())
    }

    pub fn complete_refunds(&mut self) {
        for refund in self.refunds.iter_mut().filter(|refund| refund.state == State::Held) {
            refund.state = State::Succeeded;
            self.entries.extend(self.intents.get(&refund.intent).and_then(|intent| refund.entry(intent)));
        }
    }

    /// Makes succeeded refunds fail, as if the bank could not pay them out.
    pub fn fail_refunds(&mut self) {
        for refund in self.refunds.iter_mut().filter(|refund| refund.state == State::Succeeded) {
            refund.state = State::Failed;
            self.entries.retain(|entry| entry.kind != EntryKind::Refund || entry.key != refund.key);
        }
    }

    /// Lists up to `limit` refunds of an intent, newest first, after the one with the id `after`.
    pub fn refunds_of(&self, intent: &str, after: Option<&str>, limit: usize) -> Value {
        let mut all = self.refunds.iter().rev().filter(|refund| refund.intent == intent);
        if let Some(after) = after {
            all.by_ref().find(|refund| refund.id == after);
        }
        let page: Vec<Value> = all.by_ref().take(limit).map(Refund::json).collect();
        json!({ "object": "list", "data": page, "has_more": all.next().is_some() })
    }
}
