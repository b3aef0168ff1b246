//! Tests of health checks, reflection and configuration.

use iam::config::Config;
use platform::grpc::Peer;
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
async fn reflection_describes_services_and_the_details_of_errors_without_a_session() {
    let iam = iam().await;
    let peer = Peer::lazy("iam", "IAM_ADDRESS", &iam.address.to_string()).unwrap();
    let asked = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("google.rpc.BadRequest".to_owned()),
    ];
    let asked = asked.map(|request| ServerReflectionRequest { host: String::new(), message_request: Some(request) });

    let requests = tokio_stream::iter(asked);
    let responses = ServerReflectionClient::new(peer).server_reflection_info(requests).await.unwrap();

    let mut responses = responses.into_inner();
    let mut response = async || responses.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(services)) = response().await else { panic!("no services") };
    let names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    for name in ["auth.v1.AuthService", "auth.v1.SessionService", "user.v1.UserService", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|known| known == name), "{name} is not in {names:?}");
    }
    let described = response().await;
    assert!(matches!(described, Some(MessageResponse::FileDescriptorResponse(_))), "{described:?}");
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
