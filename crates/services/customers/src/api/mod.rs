//! The gRPC API.

mod encode;

use contracts::{
    ids::UserId,
    proto::{
        DESCRIPTORS,
        customers::v1::{
            CreateCustomerRequest, CreateCustomerResponse, DecideKycRequest, DecideKycResponse, EraseCustomerRequest,
            EraseCustomerResponse, GetCustomerRequest, GetCustomerResponse, KycDecision, ListLoansRequest,
            ListLoansResponse, RollbackKycRequest, RollbackKycResponse, UpdateCustomerRequest, UpdateCustomerResponse,
            customer_service_server::{CustomerService as Rpc, CustomerServiceServer},
        },
    },
};
use platform::{
    auth::{Rule, role_used_on},
    grpc::{Services, author, caller, invalid, parse_uuid, user, uuid},
    invalid::InvalidFields,
};
use tonic::{Request, Response, Status};

use crate::{
    error::Error,
    model::{LoanId, Verdict, Words},
    service::CustomerService,
};

const MAX_PAGE_SIZE: u32 = 1_000;

/// Users see and change their own data. Operators, the tool `shipyard` and the service order see all data; operators
/// and the tool may reject a customer, and operators decide checks.
pub const RULES: &[Rule] = &[
    Rule::session("/customers.v1.CustomerService/GetCustomer", &["order", "shipyard"]),
    Rule::session("/customers.v1.CustomerService/CreateCustomer", &[]),
    Rule::session("/customers.v1.CustomerService/UpdateCustomer", &[]),
    Rule::operator("/customers.v1.CustomerService/RollbackKyc", &["shipyard"]),
    Rule::operator("/customers.v1.CustomerService/DecideKyc", &[]),
    Rule::session("/customers.v1.CustomerService/EraseCustomer", &[]),
    Rule::session("/customers.v1.CustomerService/ListLoans", &["order", "shipyard"]),
];

pub struct Grpc {
    service: CustomerService,
}

pub fn services(service: CustomerService) -> Services {
    Services::new(DESCRIPTORS).with(CustomerServiceServer::new(Grpc { service }))
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        let caller = caller(&request)?;
        let id = UserId::new(parse_uuid("customer_id", &request.get_ref().customer_id)?);

        let customer = self.service.show(&caller, id).await?;

        Ok(Response::new(GetCustomerResponse { customer: Some(encode::customer(customer)) }))
    }

    /// Makes the session's user a customer and starts the check of their identity.
    async fn create_customer(
        &self,
        request: Request<CreateCustomerRequest>,
    ) -> Result<Response<CreateCustomerResponse>, Status> {
        let user = UserId::new(user(&request)?.uuid);
        let CreateCustomerRequest { name, address, birth_date } = request.into_inner();
        let profile = encode::profile(name, address, &birth_date)?;

        let customer = self.service.create(user, &profile).await?;

        Ok(Response::new(CreateCustomerResponse { customer: Some(encode::customer(customer)) }))
    }

    /// Replaces the data of the session's customer and starts a check of the new data.
    async fn update_customer(
        &self,
        request: Request<UpdateCustomerRequest>,
    ) -> Result<Response<UpdateCustomerResponse>, Status> {
        let user = UserId::new(user(&request)?.uuid);
        let caller = caller(&request)?;
        let UpdateCustomerRequest { name, address, birth_date, version, customer_id } = request.into_inner();
        if !customer_id.is_empty() && !caller.admits(parse_uuid("customer_id", &customer_id)?) {
            return Err(Error::NotFound.into());
        }
        let profile = encode::profile(name, address, &birth_date)?;

        let customer = self.service.update(user, &profile, version).await?;

        Ok(Response::new(UpdateCustomerResponse { customer: Some(encode::customer(customer)) }))
    }

    /// An operator rejects a verified customer. Despite its name, the RPC restores no earlier data.
    async fn rollback_kyc(
        &self,
        request: Request<RollbackKycRequest>,
    ) -> Result<Response<RollbackKycResponse>, Status> {
        let by = author(&request, "")?;
        let RollbackKycRequest { customer_id, reason } = request.into_inner();
        let id = UserId::new(parse_uuid("customer_id", &customer_id)?);
        let words = Words::new(&reason).map_err(|error| invalid("reason", error))?;
        role_used_on(id.uuid());

        let customer = self.service.revoke(id, words, &by).await?;

        Ok(Response::new(RollbackKycResponse { customer: Some(encode::customer(customer)) }))
    }

    /// An operator decides a check in place of the checker.
    async fn decide_kyc(&self, request: Request<DecideKycRequest>) -> Result<Response<DecideKycResponse>, Status> {
        let by = author(&request, "")?;
        let DecideKycRequest { customer_id, version, decision, reason } = request.into_inner();
        let mut invalid = InvalidFields::default();
        let id = invalid.check("customer_id", uuid(&customer_id)).map(UserId::new);
        let words = invalid.check("reason", Words::new(&reason));
        let verdict = invalid.check("decision", verdict(decision, words.flatten()));
        let (Some(id), Some(verdict)) = (id, verdict) else { return Err(invalid.into()) };
        invalid.none()?;
        role_used_on(id.uuid());

        let customer = self.service.decide(id, verdict, version, &by).await?;

        Ok(Response::new(DecideKycResponse { customer: Some(encode::customer(customer)) }))
    }

    /// Removes the personal data of the session's customer.
    async fn erase_customer(
        &self,
        request: Request<EraseCustomerRequest>,
    ) -> Result<Response<EraseCustomerResponse>, Status> {
        let user = UserId::new(user(&request)?.uuid);

        let customer = self.service.erase(user).await?;

        Ok(Response::new(EraseCustomerResponse { customer: Some(encode::customer(customer)) }))
    }

    /// The loans of a user, newest first, page by page.
    async fn list_loans(&self, request: Request<ListLoansRequest>) -> Result<Response<ListLoansResponse>, Status> {
        let caller = caller(&request)?;
        let ListLoansRequest { customer_id, page_size, page_token } = request.into_inner();
        let id = UserId::new(parse_uuid("customer_id", &customer_id)?);
        let size = if page_size == 0 { MAX_PAGE_SIZE } else { page_size.min(MAX_PAGE_SIZE) };
        let wrong = || invalid("page_token", "must be the next_page_token of a page");
        let after = (!page_token.is_empty()).then(|| LoanId::new(page_token).ok_or_else(wrong)).transpose()?;

        let (loans, next) = self.service.list_loans(&caller, id, after.as_ref(), size).await?;

        let loans = loans.into_iter().map(encode::loan).collect();
        Ok(Response::new(ListLoansResponse { loans, next_page_token: next.unwrap_or_default() }))
    }
}

fn verdict(decision: i32, words: Option<Words>) -> Result<Verdict, &'static str> {
    match (KycDecision::try_from(decision), words) {
        (Ok(KycDecision::Approve), None) => Ok(Verdict::Approved),
        (Ok(KycDecision::Approve), Some(_)) => Err("takes no reason, unless it refuses"),
        (Ok(KycDecision::Refuse), words) => Ok(Verdict::Refused(words)),
        (Ok(KycDecision::Unspecified) | Err(_), _) => Err("must be KYC_DECISION_APPROVE or KYC_DECISION_REFUSE"),
    }
}
