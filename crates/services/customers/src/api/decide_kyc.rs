//! `DecideKyc`: an operator decides a check in place of the checker.

use contracts::{
    ids::UserId,
    proto::customers::v1::{DecideKycRequest, DecideKycResponse, KycDecision},
};
use platform::{
    auth::role_used_on,
    grpc::{author, uuid},
    invalid::InvalidFields,
};
use tonic::{Request, Response, Status};

use super::encode;
use crate::{
    model::{Verdict, Words},
    service::CustomerService,
};

pub async fn handle(
    service: &CustomerService,
    request: Request<DecideKycRequest>,
) -> Result<Response<DecideKycResponse>, Status> {
    let by = author(&request, "")?;
    let DecideKycRequest { customer_id, version, decision, reason } = request.into_inner();
    let mut invalid = InvalidFields::default();
    let id = invalid.check("customer_id", uuid(&customer_id)).map(UserId::new);
    let words = invalid.check("reason", Words::new(&reason));
    let verdict = invalid.check("decision", verdict(decision, words.flatten()));
    let (Some(id), Some(verdict)) = (id, verdict) else { return Err(invalid.into()) };
    invalid.none()?;
    role_used_on(id.uuid());

    let customer = service.decide(id, verdict, version, &by).await?;

    Ok(Response::new(DecideKycResponse { customer: Some(encode::customer(customer)) }))
}

fn verdict(decision: i32, words: Option<Words>) -> Result<Verdict, &'static str> {
    match (KycDecision::try_from(decision), words) {
        (Ok(KycDecision::Approve), None) => Ok(Verdict::Approved),
        (Ok(KycDecision::Approve), Some(_)) => Err("takes no reason, unless it refuses"),
        (Ok(KycDecision::Refuse), words) => Ok(Verdict::Refused(words)),
        (Ok(KycDecision::Unspecified) | Err(_), _) => Err("must be KYC_DECISION_APPROVE or KYC_DECISION_REFUSE"),
    }
}
