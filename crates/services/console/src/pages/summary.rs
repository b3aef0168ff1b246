//! The summary of an order: its stage, parts, payment, delivery, and what its owner can do. It has the services' data,
//! or the timeline's where a service does not respond or the visitor may not call it.

use askama::Template;
use contracts::ids::OrderId;
use platform::http::problem::Problem;

use super::{
    format::{Money, short},
    known::{Known, OrderLine},
    parts,
    profile::or_away,
    refusal::Refusal,
    words,
};
use crate::{
    api::{Api, Visit, of_error},
    model::Step,
};

const METHODS: [&str; 4] = ["CARD", "SBP", "CREDIT_CARD", "INVESTOR_MONEY"];

#[derive(Template)]
#[template(path = "summary.html")]
pub struct Summary {
    pub uuid: String,
    pub known: Known,
    pub lines: Vec<OrderLine>,
    /// For `INVESTOR_MONEY`.
    pub balance: Option<Money>,
    /// Services that did not respond: their data may be missing.
    pub away: Vec<&'static str>,
    /// Shown only by the page of the order, not by the fragment.
    pub problem: Option<Refusal>,
}

/// A stage of an order: done, now, or to come.
pub struct Stage {
    pub text: &'static str,
    pub state: &'static str,
}

/// Returns the summary of an order. `is_own` is false if an operator looks at another user's order.
pub async fn summary(
    api: &Api,
    visit: &Visit,
    order: OrderId,
    steps: &[Step],
    is_own: bool,
) -> Result<Summary, Problem> {
    let mut known = Known::from_steps(steps);
    let mut away = Vec::new();
    let path = format!("/api/v1/orders/{order}");
    let owners = async {
        if is_own {
            Some(tokio::join!(api.orders.get(&visit.session, &path), api.services.payment(order)))
        } else {
            None
        }
    };
    let (owners, delivery) = tokio::join!(owners, api.services.delivery(order));
    if let Some((response, payment)) = owners {
        match response {
            Ok(response) if response.status.is_success() => known.read(response.json()),
            // The timeline has data of the order, so the page is shown without the order service.
            Ok(_) | Err(_) if !known.status.is_empty() => away.push("order"),
            Ok(response) => return Err(of_error(response.not_read())),
            Err(error) => return Err(of_error(error)),
        }
        known.pay(or_away(&mut away, "payment", payment).flatten());
    }
    known.delivery = or_away(&mut away, "delivery", delivery).flatten();
    let waits = known.status == "PENDING_PAYMENT";
    let balance = async { if is_own && waits { Some(api.services.balance(visit.user.uuid).await) } else { None } };
    let (names, balance) = tokio::join!(parts::of_uuids(&api.services, known.distinct()), balance);
    let names = or_away(&mut away, "inventory", names).unwrap_or_default();
    Ok(Summary {
        uuid: order.to_string(),
        lines: known
            .lines(&names.iter().map(|part| (part.uuid.clone(), (part.name.clone(), parts::price(part)))).collect()),
        known,
        balance: balance.and_then(Result::ok).map(Money),
        away,
        problem: None,
    })
}

impl Summary {
    pub fn short(&self) -> &str {
        short(&self.uuid)
    }

    /// Returns true if the visitor can pay. If payment does not respond, the number of the attempt is unknown.
    pub fn can_pay(&self) -> bool {
        self.known.allows("PAY") && !self.away.contains(&"payment")
    }

    /// Returns the idempotency key of the next payment. It is the same for each rendering until an attempt is refused,
    /// so a user who clicks twice pays once.
    pub fn pay_key(&self) -> String {
        format!("pay-{}-{}", self.uuid, self.known.attempt + 1)
    }

    /// Returns the ways to pay: values and texts.
    pub fn methods() -> [(&'static str, &'static str); 4] {
        METHODS.map(|value| (value, words::method(value)))
    }

    /// Returns true while a payment is in progress or its outcome is unknown: the visitor can then neither pay nor
    /// cancel.
    pub fn is_paying(&self) -> bool {
        self.known.status == "PENDING_PAYMENT" && self.known.allowed_actions.is_some() && !self.known.allows("PAY")
    }

    pub fn is_cancelled(&self) -> bool {
        self.known.status == "CANCELLED"
    }

    pub fn delivery_status(&self) -> &str {
        self.known.delivery.as_ref().map_or("", |delivery| delivery.status.as_str())
    }

    pub fn delivery_words(&self) -> &str {
        words::delivery(self.delivery_status())
    }

    pub fn headline(&self) -> &'static str {
        let has_address = self.known.address().is_some();
        match (self.known.status.as_str(), self.delivery_status()) {
            ("PENDING_PAYMENT", _) if self.is_paying() => "Your payment is under way",
            ("PENDING_PAYMENT", _) => "Your order waits for your payment",
            ("PAID", _) => "Your ship is being built",
            ("CANCELLED", _) => "This order is cancelled",
            (_, "IN_TRANSIT") => "Your ship is on its way",
            (_, "OUT_FOR_DELIVERY") => "Your ship is almost there",
            (_, "DELIVERED") => "Your ship has arrived",
            ("ASSEMBLED", _) if has_address => "Your ship is built and waits for a courier",
            ("ASSEMBLED", _) => "Your ship is built",
            _ => "Your order",
        }
    }

    pub fn stages(&self) -> Vec<Stage> {
        let reached = match (self.known.status.as_str(), self.delivery_status()) {
            (_, "DELIVERED") => 5,
            ("ASSEMBLED", _) => 3,
            ("PAID", _) => 2,
            _ => 1,
        };
        let mut texts = vec!["Ordered", "Paid", "Built"];
        if self.known.address().is_some() {
            texts.extend(["On its way", "Delivered"]);
        }
        let state = |place| match place {
            place if place < reached => "done",
            _ if self.is_cancelled() => "off",
            place if place == reached => "now",
            _ => "next",
        };
        texts.into_iter().enumerate().map(|(place, text)| Stage { text, state: state(place) }).collect()
    }
}
