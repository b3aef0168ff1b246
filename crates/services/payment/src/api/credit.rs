//! `Credit`: adds to a user's balance, once per reference.

use contracts::ids::UserId;
use contracts::proto::payment::v1::{CreditRequest, CreditResponse};
use platform::grpc::{invalid, parse_uuid};
use tonic::{Request, Response, Status};

use super::pay_order::amount;
use crate::{
    model::{Credit, Reference},
    service::PaymentService,
};

pub async fn handle(
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
