//! `GET /console/profile`: the visitor's account: identity, loans, contacts and sessions.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use contracts::{
    identity::TELEGRAM,
    proto::{
        auth::v1::SessionSummary,
        common::v1::{NotificationMethod, UserInfo},
        customers::v1::{Address, Customer, Loan},
    },
};
use tonic::Status;

use super::{
    format::{Moment, Money},
    frame::{Layout, NAMELESS, layout_for, page, stranger},
    refusal::Refusal,
    words,
};
use crate::api::{Api, Visit, of_status};

#[derive(Template)]
#[template(path = "profile.html")]
struct Profile {
    layout: Layout,
    user_uuid: String,
    login: String,
    email: String,
    since: Option<Moment>,
    balance: Option<Money>,
    /// Erased data are empty.
    customer: Option<Customer>,
    loans: Vec<Loan>,
    /// Absent if iam did not respond.
    methods: Option<Vec<NotificationMethod>>,
    sessions: Vec<SessionSummary>,
    /// Services that did not respond.
    away: Vec<&'static str>,
    problem: Option<Refusal>,
}

#[derive(Template)]
#[template(path = "account-deleted.html")]
struct AccountDeleted {
    layout: Layout,
}

pub async fn show(State(api): State<Api>, visit: Visit) -> Response {
    let uuid = visit.user.uuid;
    let (user, sessions, balance, customer, loans) = tokio::join!(
        api.iam.user(&visit.session),
        api.iam.sessions(),
        api.services.balance(uuid),
        api.services.customer(uuid),
        api.services.loans(uuid),
    );
    let mut away = Vec::new();
    let user = or_away(&mut away, "iam", user);
    let (info, since) = user.map(|user| (user.info.unwrap_or_default(), user.created_at)).unzip();
    let (login, email, methods) = match info {
        Some(UserInfo { login, email, notification_methods }) => (login, email, Some(notification_methods)),
        None => (NAMELESS.to_owned(), String::new(), None),
    };
    let view = Profile {
        layout: layout_for(&visit, "profile", login.clone()),
        user_uuid: uuid.to_string(),
        login,
        email,
        since: since.flatten().map(|at| Moment::from_proto(&at)),
        balance: or_away(&mut away, "payment", balance).map(Money),
        customer: or_away(&mut away, "customers", customer).flatten(),
        loans: or_away(&mut away, "customers", loans).unwrap_or_default(),
        methods,
        sessions: or_away(&mut away, "iam", sessions).unwrap_or_default(),
        away,
        problem: None,
    };
    page(StatusCode::OK, &view)
}

/// Returns the page after the end of an account.
pub fn account_deleted() -> Response {
    page(StatusCode::OK, &AccountDeleted { layout: stranger() })
}

/// Returns the response of a service, or adds the service to `away` if it failed.
pub fn or_away<T>(away: &mut Vec<&'static str>, service: &'static str, response: Result<T, Status>) -> Option<T> {
    response
        .map_err(|status| {
            // Called only for its log line about an outage or a failure.
            let _ = of_status(service, &status);
            if !away.contains(&service) {
                away.push(service);
            }
        })
        .ok()
}

impl Profile {
    /// Returns the number of the user's Telegram chat, or an empty text.
    fn telegram(&self) -> &str {
        let mut methods = self.methods.iter().flatten();
        methods.find(|method| method.provider_name == TELEGRAM).map_or("", |method| method.target.as_str())
    }

    fn is_away(&self, service: &str) -> bool {
        self.away.contains(&service)
    }

    fn identity(customer: &Customer) -> (&'static str, &str) {
        let class = if customer.kyc_status == "REJECTED" { "trouble" } else { "fine" };
        (class, words::identity(&customer.kyc_status))
    }

    fn address(customer: &Customer) -> String {
        let Address { street, city, state, zip } = customer.address.clone().unwrap_or_default();
        let lines: Vec<String> = [street, city, state, zip].into_iter().filter(|line| !line.is_empty()).collect();
        lines.join(", ")
    }

    fn loan(loan: &Loan) -> (&'static str, &str) {
        let class = if loan.status == "refused" { "trouble" } else { "money" };
        (class, words::loan(&loan.status))
    }

    fn amount(loan: &Loan) -> Money {
        Money(loan.amount_minor)
    }
}
