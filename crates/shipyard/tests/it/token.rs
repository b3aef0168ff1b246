//! `shipyard token` prints an access token. What it gives access to, and for how long, is tested by iam.

use reqwest::Method;

use crate::{
    customer::{Customer, ORDERS, PASSWORD, send},
    system::System,
};

#[tokio::test]
async fn a_printed_token_gives_access_to_the_users_orders() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;

    let file = system.directory.path().join(format!("password-of-{}", customer.login));
    std::fs::write(&file, format!("{PASSWORD}\n")).expect("the directory can be written");
    let output = system.shipyard(&["token", &customer.login, "--password-file", &file.display().to_string()]).await;
    assert!(output.status.success(), "{output:?}");
    let token = String::from_utf8(output.stdout).expect("it writes text");
    let bearer = format!("Bearer {}", token.trim_end());

    send(customer.request(Method::GET, ORDERS).header("authorization", bearer)).await.success(200);
}
