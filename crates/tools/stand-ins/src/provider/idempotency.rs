//! Idempotency: a POST takes effect once per key, and a repetition gets the stored response.

use super::{
    fault::{ProviderFault, Purpose},
    ledger::Ledger,
    request::{Post, StoredAnswer},
    response::{Hold, StripeResponse},
};

impl Ledger {
    pub fn post(&mut self, post: &Post) -> (StripeResponse, Hold) {
        let mut seen = post.form.clone();
        seen.insert("Idempotency-Key".to_owned(), post.key.clone());
        self.posts.push(seen);
        match self.answers.get(&post.key) {
            Some(kept) if kept.form == post.form => {
                self.replayed += 1;
                return (kept.answer.clone().again(), Hold::Nothing);
            }
            Some(_) => return (StripeResponse::reused(), Hold::Nothing),
            None => {}
        }
        let fault = self.faults.next(post.purpose, &post.key);
        if let Some(ProviderFault::Status(status)) = fault {
            return (StripeResponse::empty(status), Hold::Nothing);
        }
        let answer = match (fault, post.purpose) {
            (Some(ProviderFault::Stored(status)), _) => StripeResponse::empty(status),
            (_, Purpose::Charge) => self.charge(post, fault),
            (_, Purpose::Refund) => self.refund(post, fault),
        };
        self.answers.insert(post.key.clone(), StoredAnswer { form: post.form.clone(), answer: answer.clone() });
        match fault {
            Some(ProviderFault::Silent) => (answer, Hold::Silence),
            Some(ProviderFault::Withheld) => (answer, Hold::Gate(self.gate.subscribe())),
            Some(ProviderFault::Lost) => (StripeResponse::lost(), Hold::Nothing),
            _ => (answer, Hold::Nothing),
        }
    }
}
