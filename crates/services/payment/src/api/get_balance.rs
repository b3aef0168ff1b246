//! `GetBalance`: returns a user's balance of INVESTOR_MONEY.

use contracts::ids::UserId;
use contracts::proto::payment::v1::{GetBalanceRequest, GetBalanceResponse};
use platform::grpc::{caller, parse_uuid};
use tonic::{Request, Response, Status};

use crate::service::PaymentService;

pub async fn handle(
    service: &PaymentService,
    request: Request<GetBalanceRequest>,
) -> Result<Response<GetBalanceResponse>, Status> {
    let caller = caller(&request)?;
    let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);

    let balance = service.balance(&caller, user).await?;

    Ok(Response::new(GetBalanceResponse { balance_minor: balance.minor() }))
}
