//! `GET /console/profile`: the visitor's account.

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use contracts::proto::{
    common::v1::{NotificationMethod, UserInfo},
    customers::v1::{Address, Customer, Loan},
};
use prost_types::Timestamp;
use tonic::Status;

use super::{
    assets::ASSETS,
    format::{Moment, Money},
    frame::{NAMELESS, page, stranger},
    views::{
        layout::{Layout, Section, Visitor},
        profile::{AccountDeleted, CustomerView, LoanView, NotificationMethodView, Profile, SessionView},
    },
};
use crate::api::{Api, Visit, of_status};

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
    let user = known(&mut away, "iam", user);
    let (info, since) = user.map(|user| (user.info.unwrap_or_default(), user.created_at)).unzip();
    let (login, email, methods) = match info {
        Some(UserInfo { login, email, notification_methods }) => (login, email, Some(notification_methods)),
        None => (NAMELESS.to_owned(), String::new(), None),
    };
    let layout = Layout {
        assets: ASSETS.clone(),
        visitor: Some(Visitor { login: login.clone(), is_operator: visit.user.is_operator }),
        section: Section::Profile,
    };
    let sessions = known(&mut away, "iam", sessions).unwrap_or_default();
    let view = Profile {
        layout,
        user_uuid: uuid.to_string(),
        login,
        email,
        since: since.flatten().and_then(moment),
        balance: known(&mut away, "payment", balance).map(Money),
        customer: known(&mut away, "customers", customer).flatten().map(customer_view),
        loans: known(&mut away, "customers", loans).unwrap_or_default().into_iter().map(loan_view).collect(),
        methods: methods.map(|methods| methods.into_iter().map(method_view).collect()),
        sessions: sessions
            .into_iter()
            .filter_map(|session| {
                Some(SessionView {
                    created_at: moment(session.created_at?)?,
                    used_at: moment(session.used_at?)?,
                    expires_at: moment(session.expires_at?)?,
                    is_this: session.is_current,
                    id: session.id,
                })
            })
            .collect(),
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
fn known<T>(away: &mut Vec<String>, service: &'static str, answer: Result<T, Status>) -> Option<T> {
    answer
        .map_err(|status| {
            // Called only for its log line about an outage or a failure.
            let _ = of_status(service, &status);
            if !away.iter().any(|one| one == service) {
                away.push(service.to_owned());
            }
        })
        .ok()
}

fn method_view(method: NotificationMethod) -> NotificationMethodView {
    NotificationMethodView { provider: method.provider_name, target: method.target }
}

fn customer_view(customer: Customer) -> CustomerView {
    let Address { street, city, state, zip } = customer.address.unwrap_or_default();
    let address: Vec<String> = [street, city, state, zip].into_iter().filter(|line| !line.is_empty()).collect();
    CustomerView {
        name: customer.name,
        address: address.join(", "),
        status: customer.kyc_status,
        reason: customer.reason,
        version: customer.version,
    }
}

fn loan_view(loan: Loan) -> LoanView {
    LoanView {
        id: loan.loan_id,
        amount: Money(loan.amount_minor),
        status: loan.status,
        reason: loan.reason,
        received_at: loan.received_at.and_then(moment).unwrap_or(Moment(DateTime::UNIX_EPOCH)),
    }
}

pub fn moment(at: Timestamp) -> Option<Moment> {
    let nanos = u32::try_from(at.nanos).ok()?;
    DateTime::<Utc>::from_timestamp(at.seconds, nanos).map(Moment)
}
