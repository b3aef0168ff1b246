//! `shipyard token` prints an access token, which gives access to the user's data over HTTP and gRPC until the user's
//! sessions end.

use contracts::proto::{
    auth::v1::{LogoutAllRequest, WhoamiRequest},
    user::v1::GetUserRequest,
};
use reqwest::Method;
use tonic::{Code, Request};

use crate::{
    customer::{Customer, ORDERS, PASSWORD, send},
    system::System,
};

#[tokio::test]
async fn a_printed_token_works_over_http_and_grpc_until_its_session_ends() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;

    let file = system.directory.path().join(format!("password-of-{}", customer.login));
    std::fs::write(&file, format!("{PASSWORD}\n")).expect("the directory can be written");
    let output = system.shipyard(&["token", &customer.login, "--password-file", &file.display().to_string()]).await;
    assert!(output.status.success(), "{output:?}");
    let token = String::from_utf8(output.stdout).expect("it writes text");
    let bearer = format!("Bearer {}", token.trim_end());
    let orders = || customer.request(Method::GET, ORDERS).header("authorization", &bearer);
    let get_user = async || {
        let mut request = Request::new(GetUserRequest { user_uuid: customer.user.to_string() });
        request.metadata_mut().insert("authorization", bearer.parse().expect("it is ASCII"));
        customer.users().get_user(request).await
    };

    send(orders()).await.success(200);
    assert!(get_user().await.is_ok());
    let both = send(orders().header("x-session-uuid", &customer.session)).await;
    both.problem(401, "INVALID_SESSION");

    let access_token = token.trim_end().to_owned();
    let whoami = WhoamiRequest { access_token, ..WhoamiRequest::default() };
    assert!(customer.auth().whoami(whoami).await.is_ok());
    let session_uuid = customer.session.clone();
    customer.auth().logout_all(LogoutAllRequest { session_uuid }).await.expect("the session is open");

    send(orders()).await.problem(401, "INVALID_SESSION");
    assert_eq!(get_user().await.unwrap_err().code(), Code::Unauthenticated);
}
