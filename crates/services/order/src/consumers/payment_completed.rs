//! `PaymentCompleted`: settles an attempt to pay with the result that the event reports.

use contracts::{
    events::{PaymentCompleted, Received, Subscription, group},
    ids::TransactionId,
};
use platform::kafka::Failure;

use crate::service::{Completed, OrderService, PaymentResult};

const GROUP: &str = group::<PaymentCompleted>("order");

pub fn payment_completed(service: OrderService) -> Subscription {
    Subscription::new(GROUP, move |cause, received: Received<PaymentCompleted>| {
        let service = service.clone();
        async move { Ok(service.payment_completed(cause, &decode(&received)?).await?) }
    })
}

fn decode(received: &Received<PaymentCompleted>) -> Result<Completed, Failure> {
    let PaymentCompleted { transaction_uuid, amount_minor, status, attempt, .. } = &received.event;
    let result = match status.as_str() {
        "SUCCESS" => {
            let transaction = transaction_uuid.parse();
            let transaction =
                transaction.map_err(|_| Failure::poison("transaction_uuid: must be a uuid".to_owned()))?;
            PaymentResult::Success(TransactionId::new(transaction))
        }
        "INSUFFICIENT_FUNDS" => PaymentResult::InsufficientFunds,
        "FAILED" => PaymentResult::Failed,
        _ => return Err(Failure::poison("status: unknown".to_owned())),
    };
    let (order, user) = (received.subject.order, received.subject.user);
    Ok(Completed { order, user, attempt: *attempt, amount_minor: *amount_minor, result })
}
