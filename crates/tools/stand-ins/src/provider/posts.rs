//! A request that is to have its effect once per key.

use std::collections::HashMap;

use super::{
    answer::{Answer, Hold},
    books::Books,
    fault::{ProviderFault, Purpose},
};

pub(super) struct Post {
    pub purpose: Purpose,
    pub key: String,
    pub form: HashMap<String, String>,
}

/// What was answered to a key, and to what.
pub(super) struct Kept {
    form: HashMap<String, String>,
    answer: Answer,
}

impl Books {
    pub fn post(&mut self, post: &Post) -> (Answer, Hold) {
        let mut seen = post.form.clone();
        seen.insert("Idempotency-Key".to_owned(), post.key.clone());
        self.posts.push(seen);
        match self.answers.get(&post.key) {
            Some(kept) if kept.form == post.form => {
                self.replayed += 1;
                return (kept.answer.clone().again(), Hold::Nothing);
            }
            Some(_) => return (Answer::reused(), Hold::Nothing),
            None => {}
        }
        let fault = self.faults.next(post.purpose, &post.key);
        if let Some(ProviderFault::Status(status)) = fault {
            return (Answer::empty(status), Hold::Nothing);
        }
        let answer = match post.purpose {
            Purpose::Charge => self.charge(post, fault),
            Purpose::Refund => self.refund(post),
        };
        self.answers.insert(post.key.clone(), Kept { form: post.form.clone(), answer: answer.clone() });
        match fault {
            Some(ProviderFault::Silent) => (answer, Hold::Silence),
            Some(ProviderFault::Withheld) => (answer, Hold::Gate(self.gate.subscribe())),
            Some(ProviderFault::Lost) => (Answer::lost(), Hold::Nothing),
            _ => (answer, Hold::Nothing),
        }
    }
}
