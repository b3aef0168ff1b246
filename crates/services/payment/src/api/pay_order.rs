//! `PayOrder`: the order service charges an order, or a user makes a direct payment. A direct payment never settles a shop order.

use std::num::NonZeroU32;

use contracts::ids::{OrderId, TransactionId, UserId};
use contracts::money::Money;
use contracts::proto::payment::v1::{PayOrderRequest, PayOrderResponse, PaymentMethod};
use platform::{
    auth::Caller,
    grpc::{caller, invalid, parse_uuid},
    ids,
};
use tonic::{Request, Response, Status};

use crate::{
    error::Error,
    model::{Method, direct_payment},
    service::{Charge, PaymentService},
};

/// The name of the only service that may charge orders.
const ORDER: &str = "order";

pub async fn handle(
    service: &PaymentService,
    request: Request<PayOrderRequest>,
) -> Result<Response<PayOrderResponse>, Status> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    let order = OrderId::new(parse_uuid("order_uuid", &request.order_uuid)?);
    let user = UserId::new(parse_uuid("user_uuid", &request.user_uuid)?);
    let method = method(request.payment_method)?;

    let transaction = match caller {
        Caller::Service(name) if name != ORDER => return Err(Error::NotOrderService.into()),
        Caller::Service(_) => {
            let (amount, attempt) = (amount(request.amount_minor)?, attempt(request.attempt)?);
            let transaction = TransactionId::new(ids::random());
            service.pay(&Charge { order, attempt, user, method, amount }, transaction).await?
        }
        Caller::User(_) => {
            if !caller.admits(user.uuid()) {
                return Err(Error::AnotherUser.into());
            }
            reject_from_user("amount_minor", request.amount_minor != 0)?;
            reject_from_user("attempt", request.attempt != 0)?;
            direct_payment(order, user)
        }
    };

    Ok(Response::new(PayOrderResponse { transaction_uuid: transaction.to_string() }))
}

pub fn method(value: i32) -> Result<Method, Status> {
    match PaymentMethod::try_from(value) {
        Ok(PaymentMethod::Card) => Ok(Method::Card),
        Ok(PaymentMethod::Sbp) => Ok(Method::Sbp),
        Ok(PaymentMethod::CreditCard) => Ok(Method::CreditCard),
        Ok(PaymentMethod::InvestorMoney) => Ok(Method::InvestorMoney),
        Ok(PaymentMethod::Unspecified) => Err(invalid("payment_method", "is required")),
        Err(_) => Err(invalid("payment_method", "is not known")),
    }
}

pub fn amount(minor: i64) -> Result<Money, Status> {
    positive(minor).map_err(|problem| invalid("amount_minor", problem))
}

pub fn positive(minor: i64) -> Result<Money, &'static str> {
    let amount = Money::from_minor(minor).ok().filter(|amount| *amount != Money::ZERO);
    amount.ok_or("must be an amount of money above 0")
}

pub fn attempt(attempt: u32) -> Result<NonZeroU32, Status> {
    NonZeroU32::new(attempt).ok_or_else(|| invalid("attempt", "must be at least 1"))
}

fn reject_from_user(field: &str, sent: bool) -> Result<(), Status> {
    if sent {
        return Err(Status::permission_denied(format!("{field}: only the order service may charge an order")));
    }
    Ok(())
}
