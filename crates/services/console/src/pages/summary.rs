//! The summary of an order: the services' data, or the timeline's where a service does not respond or the visitor may
//! not call it.

use contracts::ids::OrderId;
use platform::http::problem::Problem;
use tonic::Status;

use super::{
    format::Money,
    known::Known,
    parts,
    views::summary::{Method, Summary},
};
use crate::{
    api::{Api, Visit, of_error, of_status},
    model::Step,
};

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
    if let Some((answer, payment)) = owners {
        match answer {
            Ok(answer) if answer.status.is_success() => known.read(&answer.json()),
            // The timeline has data of the order, so the page is shown without the order service.
            Ok(_) | Err(_) if !known.status.is_empty() => away.push("order".to_owned()),
            Ok(answer) => return Err(of_error(answer.not_read())),
            Err(error) => return Err(of_error(error)),
        }
        match payment {
            Ok(payment) => known.pay(payment),
            Err(status) => note(&mut away, "payment", &status),
        }
    }
    match delivery {
        Ok(Some(delivery)) => known.deliver(delivery),
        Ok(None) => {}
        Err(status) => note(&mut away, "delivery", &status),
    }
    let waits = known.status == "PENDING_PAYMENT";
    let balance = async { if is_own && waits { Some(api.services.balance(visit.user.uuid).await) } else { None } };
    let (names, balance) = tokio::join!(parts::of_uuids(&api.services, known.distinct()), balance);
    let names = names.unwrap_or_else(|status| {
        note(&mut away, "inventory", &status);
        Vec::new()
    });
    let is_paying = waits && known.allowed_actions.is_some() && !known.allows("PAY");
    // If payment does not respond, the number of the attempt is unknown.
    let can_pay = known.allows("PAY") && !away.iter().any(|one| one == "payment");
    Ok(Summary {
        uuid: order.to_string(),
        can_cancel: known.allows("CANCEL"),
        lines: known.lines(&names.into_iter().map(|part| (part.uuid, (part.name, part.price))).collect()),
        created_at: known.created_at,
        total: Money(known.total),
        reason: known.reason,
        payment: known.payment,
        delivery_address: known.address,
        delivery: known.delivery,
        balance: balance.and_then(Result::ok).map(Money),
        // The key is the same for each rendering until an attempt is refused, so a user who clicks twice pays once.
        pay_key: if can_pay { format!("pay-{order}-{}", known.attempt + 1) } else { String::new() },
        methods: Method::all(),
        is_paying,
        status: known.status,
        away,
        problem: None,
    })
}

fn note(away: &mut Vec<String>, service: &'static str, status: &Status) {
    // Called only for its log line about an outage or a failure.
    let _ = of_status(service, status);
    away.push(service.to_owned());
}
