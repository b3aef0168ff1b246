//! The calls about users and their contacts.

use std::sync::PoisonError;

use contracts::proto::user::v1::{
    ConfirmContactRequest, ConfirmContactResponse, DeleteAccountRequest, DeleteAccountResponse, GetUserRequest,
    GetUserResponse, RegisterRequest, RegisterResponse, contact_service_server::ContactService,
    user_service_server::UserService,
};
use platform::{
    auth::{Credential, SESSION_METADATA, Sessions as _},
    grpc::with_reason,
};
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use super::{BUSY_CHAT, Known, LIMITED_CHAT, PASSWORD, user};

#[tonic::async_trait]
impl ContactService for Known {
    async fn confirm_contact(
        &self,
        request: Request<ConfirmContactRequest>,
    ) -> Result<Response<ConfirmContactResponse>, Status> {
        let request = request.into_inner();
        if request.chat_id == LIMITED_CHAT {
            let text = "too many wrong codes from this chat";
            return Err(with_reason(Code::ResourceExhausted, "TOO_MANY_CODES", text));
        }
        if request.chat_id == BUSY_CHAT {
            return Err(Status::resource_exhausted("too many calls at once; try again soon"));
        }
        let user = self.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(&request.code);
        let user = user.ok_or_else(|| Status::not_found("there is no such code"))?;
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let target = request.chat_id.to_string();
        let mut contacts = users.get_mut(&user).into_iter().flatten();
        match contacts.find(|contact| contact.provider_name == "telegram" && contact.target == target) {
            Some(contact) => contact.is_confirmed = true,
            None => return Err(Status::failed_precondition("the user has another contact")),
        }
        Ok(Response::new(ConfirmContactResponse {}))
    }
}

#[tonic::async_trait]
impl UserService for Known {
    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let caller = platform::grpc::caller(&request)?;
        let uuid = platform::grpc::parse_uuid("user_uuid", &request.into_inner().user_uuid)?;
        let contacts = self.users.lock().unwrap_or_else(PoisonError::into_inner).get(&uuid).cloned();
        match contacts.filter(|_| caller.may_see(uuid)) {
            Some(contacts) => Ok(Response::new(GetUserResponse { user: Some(user(uuid, contacts, Vec::new())) })),
            None => Err(Status::not_found(format!("user {uuid} not found"))),
        }
    }

    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<RegisterResponse>, Status> {
        self.record(&request);
        Err(Status::unimplemented("make a user known with testkit::Iam::add_user"))
    }

    async fn delete_account(
        &self,
        request: Request<DeleteAccountRequest>,
    ) -> Result<Response<DeleteAccountResponse>, Status> {
        self.record(&request);
        let session = request.metadata().get(SESSION_METADATA).and_then(|session| session.to_str().ok());
        let session = session.unwrap_or_default().to_owned();
        let user = self.sessions.owner(&Credential::Session(session.clone())).await;
        let user = user.map_err(|error| Status::unauthenticated(error.to_string()))?;
        if request.get_ref().password != PASSWORD {
            return Err(Status::unauthenticated("wrong password"));
        }
        let open = self.open_orders.lock().unwrap_or_else(PoisonError::into_inner).get(&user.uuid).cloned();
        if let Some(open) = open.filter(|open| !open.is_empty()) {
            let orders = open.iter().map(Uuid::to_string).collect::<Vec<_>>().join(", ");
            return Err(with_reason(Code::FailedPrecondition, "ORDERS_OPEN", format!("open orders: {orders}")));
        }
        self.sessions.end(&session);
        Ok(Response::new(DeleteAccountResponse {}))
    }
}
