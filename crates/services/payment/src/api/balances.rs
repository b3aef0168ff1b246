//! Balances of INVESTOR_MONEY: `GetBalance` and `Credit`.

use contracts::{
    ids::UserId,
    proto::payment::v1::{CreditRequest, CreditResponse, GetBalanceRequest, GetBalanceResponse},
};
use platform::grpc::{caller, invalid, parse_uuid};
use tonic::{Request, Response, Status};

use super::payments::amount;
use crate::{
    model::{Credit, Reference},
    service::PaymentService,
};

pub async fn get_balance(
    service: &PaymentService,
    request: Request<GetBalanceRequest>,
) -> Result<Response<GetBalanceResponse>, Status> {
    let caller = caller(&request)?;
    let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);

    let balance = service.balance(&caller, user).await?;

    Ok(Response::new(GetBalanceResponse { balance_minor: balance.minor() }))
}

pub async fn credit(
    service: &PaymentService,
    request: Request<CreditRequest>,
) -> Result<Response<CreditResponse>, Status> {
    let CreditRequest { user_uuid, reference, amount_minor } = request.into_inner();
    let user = UserId::new(parse_uuid("user_uuid", &user_uuid)?);
    let reference = Reference::new(reference).map_err(|error| invalid("reference", error))?;
    let amount = amount(amount_minor)?;

    service.credit(&Credit { reference, user, amount }).await?;

    Ok(Response::new(CreditResponse {}))
}
