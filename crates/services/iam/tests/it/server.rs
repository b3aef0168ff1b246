//! Tests of health checks, reflection, configuration, and the service without Redis.

use contracts::proto::auth::v1::{LoginRequest, WhoamiRequest, auth_service_client::AuthServiceClient};
use iam::{app, config::Config};
use platform::grpc::Peer;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::fixture::{iam, settings};

#[tokio::test]
async fn health_answers_without_a_session() {
    let iam = iam().await;
    let health = HealthClient::new(Peer::lazy("iam", "IAM_ADDRESS", &iam.address.to_string()).unwrap());

    for service in
        ["", "auth.v1.AuthService", "auth.v1.SessionService", "user.v1.UserService", "user.v1.ContactService"]
    {
        let request = HealthCheckRequest { service: service.to_owned() };
        testkit::eventually(|| {
            let (mut health, request) = (health.clone(), request.clone());
            async move {
                let response = health.check(request).await.unwrap().into_inner();
                (response.status() == ServingStatus::Serving).then_some(())
            }
        })
        .await;
    }
}

#[tokio::test]
async fn reflection_answers_without_a_session() {
    let iam = iam().await;
    let peer = Peer::lazy("iam", "IAM_ADDRESS", &iam.address.to_string()).unwrap();
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };

    let response = ServerReflectionClient::new(peer).server_reflection_info(tokio_stream::once(request)).await.unwrap();

    let response = response.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(services)) = response.message_response else {
        panic!("no services")
    };
    let names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    for name in ["auth.v1.AuthService", "auth.v1.SessionService", "user.v1.UserService", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|known| known == name), "{name} is not in {names:?}");
    }
}

#[tokio::test]
async fn reflection_describes_the_details_of_errors() {
    let iam = iam().await;
    let peer = Peer::lazy("iam", "IAM_ADDRESS", &iam.address.to_string()).unwrap();
    let asked = MessageRequest::FileContainingSymbol("google.rpc.BadRequest".to_owned());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(asked) };

    let response = ServerReflectionClient::new(peer).server_reflection_info(tokio_stream::once(request)).await.unwrap();

    let response = response.into_inner().message().await.unwrap().unwrap();
    assert!(
        matches!(response.message_response, Some(MessageResponse::FileDescriptorResponse(_))),
        "{:?}",
        response.message_response
    );
}

#[tokio::test]
async fn a_missing_or_invalid_variable_is_named() {
    let settings = settings().await;
    for (name, value) in [
        ("REDIS_URL", ""),
        ("IAM_DATABASE_URL", ""),
        ("SERVICE_KEY", ""),
        ("IAM_SESSION_TTL", "soon"),
        ("IAM_SESSION_TTL", "0s"),
        ("IAM_SESSIONS_PER_USER", "0"),
        ("IAM_SESSION_IDLE", "500ms"),
        ("IAM_HASHING_THREADS", "0"),
        ("IAM_ARGON2_MEMORY_KIB", "7"),
        ("IAM_ARGON2_ITERATIONS", "0"),
        ("IAM_PASSWORD_MIN", "7"),
        ("IAM_PASSWORD_MIN", "129"),
        ("IAM_TRUSTED_PROXIES", "gateway"),
    ] {
        let error = Config::load(&settings.clone().with([(name, value.to_owned())])).unwrap_err();

        assert_eq!(error.variable, name, "{error}");
    }
}

#[tokio::test]
async fn one_process_needs_no_redis() {
    let settings = settings().await.with([("REDIS_URL", String::new())]).for_shared_process();
    let app = app::build(Config::load(&settings).unwrap()).await.unwrap();
    let (address, readiness) = (app.address().unwrap(), app.readiness());
    let _running = testkit::run(|stop| app.run(stop));
    readiness.ready().await;
    let mut auth = AuthServiceClient::new(testkit::peer("iam", address));

    let unknown = WhoamiRequest { session_uuid: platform::ids::random().to_string(), ..WhoamiRequest::default() };
    let wrong = LoginRequest { login: "nobody".to_owned(), password: "no password".to_owned() };

    assert_eq!(auth.whoami(unknown).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(auth.login(wrong).await.unwrap_err().code(), Code::Unauthenticated);
}
