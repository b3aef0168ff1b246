//! The visitor's account: identity, loans, contacts and sessions.

use askama::Template;
use contracts::identity::TELEGRAM;

use super::layout::{Layout, Problem};
use crate::pages::{
    format::{Moment, Money},
    words,
};

/// A customer of the service customers. Erased data are empty.
#[derive(Clone, Debug)]
pub struct CustomerView {
    pub name: String,
    pub address: String,
    /// `KYC_PENDING`, `VERIFIED`, `REJECTED` or `ERASED`.
    pub status: String,
    pub reason: String,
    pub version: i64,
}

impl CustomerView {
    pub fn words(&self) -> &str {
        words::identity(&self.status)
    }

    pub fn class(&self) -> &'static str {
        if self.status == "REJECTED" { "trouble" } else { "fine" }
    }
}

#[derive(Clone, Debug)]
pub struct LoanView {
    pub id: String,
    pub amount: Money,
    /// `held`, `crediting`, `credited` or `refused`.
    pub status: String,
    /// Why payment refused the credit, such as `BALANCE_TOO_LARGE`; or empty.
    pub reason: String,
    pub received_at: Moment,
}

impl LoanView {
    pub fn words(&self) -> &str {
        words::loan(&self.status)
    }

    pub fn class(&self) -> &'static str {
        if self.status == "refused" { "trouble" } else { "money" }
    }
}

#[derive(Clone, Debug)]
pub struct NotificationMethodView {
    pub provider: String,
    pub target: String,
}

#[derive(Clone, Debug)]
pub struct SessionView {
    /// The id by which the session can be ended. It gives no access to the session.
    pub id: String,
    pub created_at: Moment,
    pub used_at: Moment,
    pub expires_at: Moment,
    /// True for the session of this browser.
    pub is_this: bool,
}

#[derive(Template)]
#[template(path = "profile.html")]
pub struct Profile {
    pub layout: Layout,
    pub user_uuid: String,
    pub login: String,
    pub email: String,
    pub since: Option<Moment>,
    pub balance: Option<Money>,
    pub customer: Option<CustomerView>,
    pub loans: Vec<LoanView>,
    /// Absent if iam did not respond.
    pub methods: Option<Vec<NotificationMethodView>>,
    pub sessions: Vec<SessionView>,
    /// Services that did not respond.
    pub away: Vec<String>,
    pub problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "account-deleted.html")]
pub struct AccountDeleted {
    pub layout: Layout,
}

impl Profile {
    /// Returns the number of the user's Telegram chat, or an empty text.
    fn telegram(&self) -> &str {
        let mut methods = self.methods.iter().flatten();
        methods.find(|method| method.provider == TELEGRAM).map_or("", |method| method.target.as_str())
    }

    fn is_away(&self, service: &str) -> bool {
        self.away.iter().any(|away| away == service)
    }
}
