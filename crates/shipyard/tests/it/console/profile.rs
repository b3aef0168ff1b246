//! The profile: sessions and contacts.

use contracts::proto::auth::v1::WhoamiRequest;
use serde_json::Value;
use testkit::eventually;

use super::browser::Browser;
use crate::{
    customer::{Customer, ORDERS, PASSWORD},
    system::System,
};

#[tokio::test]
async fn a_session_on_another_device_is_ended_in_the_profile() {
    let system = System::shared().await;
    let mut customer = Customer::new(system).await;
    let elsewhere = customer.session.clone();
    customer.log_in().await;
    let browser = Browser::start(system).await;
    browser.log_in(&customer.session).await;

    browser.open("/console/profile").await;
    browser.click("form[action$='/end'] button").await;

    browser.wait_for("#sessions + .scroll tbody", "this browser").await;
    let ended = async || {
        let request = WhoamiRequest { session_uuid: elsewhere.clone(), ..WhoamiRequest::default() };
        customer.auth().whoami(request).await.is_err().then_some(())
    };
    eventually(ended).await;
    assert_eq!(browser.script("return document.querySelectorAll('form[action$=\"/end\"]').length").await, 0);
    let _: Value = customer.get(ORDERS).await.success(200);
}

#[tokio::test]
async fn contacts_are_changed_in_the_profile_with_the_password() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;
    let browser = Browser::start(system).await;
    browser.log_in(&customer.session).await;
    let email = format!("{}@new.example", customer.login);
    let change = async |password: &str| {
        browser.open("/console/profile").await;
        browser.click("#contacts summary").await;
        browser.script("document.querySelector('#email').value = ''").await;
        browser.fill("#email", &email).await;
        browser.fill("#telegram", "4242").await;
        browser.fill("#password", password).await;
        browser.click("#contacts button[type=submit]").await;
    };

    change("WrongPassword123!").await;
    browser.wait_for("main", "password: is wrong").await;
    change(PASSWORD).await;

    browser.wait_for("#messages + .facts", "4242").await;
    browser.wait_for(".lead", &email).await;
}
