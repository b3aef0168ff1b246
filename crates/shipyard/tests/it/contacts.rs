//! Telegram contacts: a user who has not confirmed the contact receives no messages.

use contracts::proto::{
    common::v1::{NotificationMethod, UserInfo},
    notification::v1::{
        ListNotificationsRequest, NotificationStatus, notification_service_client::NotificationServiceClient,
    },
    user::v1::{CreateContactCodeRequest, GetUserRequest, RegisterRequest, UserRegistrationInfo},
};
use stand_ins::Telegram;
use testkit::eventually;
use uuid::Uuid;

use crate::{
    customer::{Customer, PASSWORD},
    system::System,
};

const TOKEN: &str = "123456:token";
const CHAT: i64 = 4_242_424_242;

/// A customer with the Telegram contact [`CHAT`].
async fn with_contact(system: &System) -> Customer {
    let mut customer = Customer::new(system).await;
    customer.login = format!("{}-telegram", customer.login);
    let (provider_name, target) = ("telegram".to_owned(), CHAT.to_string());
    let info = UserInfo {
        login: customer.login.clone(),
        email: format!("{}@example.com", customer.login),
        notification_methods: vec![NotificationMethod { provider_name, target, ..NotificationMethod::default() }],
    };
    let info = UserRegistrationInfo { info: Some(info), password: PASSWORD.to_owned() };
    let answer = customer.users().register(RegisterRequest { info: Some(info) }).await.unwrap().into_inner();
    customer.user = answer.user_uuid.parse().unwrap();
    customer.log_in().await;
    customer
}

async fn code(customer: &Customer) -> String {
    let request = customer.within(CreateContactCodeRequest {});
    customer.contacts().create_contact_code(request).await.unwrap().into_inner().code
}

async fn is_confirmed(customer: &Customer) -> bool {
    let request = customer.within(GetUserRequest { user_uuid: customer.user.to_string() });
    let user = customer.users().get_user(request).await.unwrap().into_inner().user.unwrap();
    user.info.unwrap().notification_methods[0].is_confirmed
}

/// Pays an order. Returns the order, and the final status of the notification about the payment.
async fn paid(system: &System, customer: &Customer) -> (Uuid, NotificationStatus) {
    let part = customer.part("Left Wing").await.uuid;
    let order = customer.order(&[part.as_str()]).await;
    customer.pay(order).await.success(200);
    let notifications = NotificationServiceClient::new(system.peer(&notification::SERVICE));
    let status = eventually(async || {
        let request = ListNotificationsRequest { order_uuid: order.to_string() };
        let found = notifications.clone().list_notifications(request).await.ok()?.into_inner().notifications;
        let of_payment = found.iter().find(|one| one.kind == "order_paid")?.status();
        (of_payment != NotificationStatus::Queued).then_some(of_payment)
    })
    .await;
    (order, status)
}

/// The texts of the messages that the chat received.
fn texts(telegram: &Telegram, chat: i64) -> Vec<String> {
    let messages = telegram.messages().into_iter().filter(|message| message.chat == chat.to_string());
    messages.map(|message| message.text).collect()
}

/// Sends a text to the bot, and returns its answer.
async fn say(telegram: &Telegram, chat: i64, text: &str) -> String {
    let before = texts(telegram, chat).len();
    telegram.say(chat, "Ann", text);
    eventually(async || texts(telegram, chat).get(before).cloned()).await
}

async fn metrics(system: &System) -> String {
    let variable = notification::SERVICE.variable("ADMIN_LISTEN");
    let (_, address) = system.variables.iter().find(|(name, _)| *name == variable).unwrap();
    let http = platform::http::client(std::time::Duration::from_secs(5)).unwrap();
    http.get(format!("http://{address}/metrics")).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_user_is_written_to_once_the_bot_has_got_the_code_from_the_users_chat() {
    let telegram = Telegram::start(TOKEN).await.unwrap();
    let variables = [
        ("TELEGRAM_BOT_TOKEN", TOKEN),
        ("TELEGRAM_API_URL", &telegram.url()),
        ("TELEGRAM_CHAT_ID", "-100"),
        ("NOTIFICATION_TELEGRAM_UNCONFIRMED", "false"),
    ];
    let mut system = System::start_with(None, &variables).await;
    let customer = with_contact(&system).await;

    let (_, skipped) = paid(&system, &customer).await;
    assert_eq!(skipped, NotificationStatus::Failed);
    assert!(texts(&telegram, CHAT).is_empty() && texts(&telegram, -100).is_empty(), "{:?}", telegram.messages());
    let metrics = metrics(&system).await;
    assert!(metrics.contains(r#"notifications_skipped_total{kind="order_paid"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"notifications_failed_total{kind="order_paid"} 0"#), "{metrics}");

    // A code that a stranger sends is used up, and does not make the stranger's chat the contact.
    let lost = code(&customer).await;
    assert!(say(&telegram, 7, &format!("/start {lost}")).await.contains("not the Telegram contact"));
    assert!(say(&telegram, CHAT, &lost).await.contains("was used"));
    assert!(!is_confirmed(&customer).await);

    let given = code(&customer).await;
    let answer = say(&telegram, CHAT, &format!("/start {}", given.to_lowercase())).await;
    assert!(answer.starts_with("Confirmed"), "{answer}");
    assert!(is_confirmed(&customer).await);
    let (order, sent) = paid(&system, &customer).await;
    assert_eq!(sent, NotificationStatus::Sent);
    let about = |text: &String| text.contains("Your order is paid") && text.contains(&order.to_string());
    assert!(texts(&telegram, CHAT).iter().any(about), "{:?}", telegram.messages());

    // While iam is down, the bot still answers. The code works once iam is back.
    let third = code(&customer).await;
    system.kill(&iam::SERVICE).await;
    let unavailable = say(&telegram, CHAT, &third).await;
    assert!(unavailable.ends_with("Please try again later."), "{unavailable}");
    system.run(&iam::SERVICE);
    system.ready(&iam::SERVICE).await;
    // The circuit breaker admits a call to iam again after a while, and the chat gets an answer again that it has got.
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    assert!(say(&telegram, CHAT, &third).await.starts_with("Confirmed"));
}
