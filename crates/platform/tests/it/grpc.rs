//! What becomes of a call when its connection does not last.

use std::time::Duration;

use faults::Proxy;
use platform::auth::{GrpcSessions, Sessions as _};
use uuid::Uuid;

#[tokio::test]
async fn a_call_whose_connection_is_lost_is_made_again() {
    let iam = testkit::iam().await;
    let user = Uuid::from_u128(1);
    let session = iam.session(user);
    let proxy = Proxy::to(iam.address).await.unwrap();
    let sessions = GrpcSessions::new(testkit::peer("iam", proxy.address()));
    assert_eq!(sessions.owner(&session).await, Ok(user));
    let asked = proxy.asked();
    proxy.hang();

    let call = tokio::spawn(async move { sessions.owner(&session).await });
    while proxy.asked() == asked {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxy.reset();

    assert_eq!(call.await.unwrap(), Ok(user));
}
