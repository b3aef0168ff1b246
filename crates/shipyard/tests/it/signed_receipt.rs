//! `shipyard receipt verify`: altered receipts, receipts of other keys, and of an order that was edited since.

use std::time::Duration;

use console::model::{
    CheckState, SignedReceipt,
    signed_receipt::{MEDIA_TYPE, key_set, read_key_set, verify},
};
use contracts::events::{OrderPaid, record};
use platform::es256::SigningKey;
use reqwest::Method;
use testkit::eventually;
use uuid::Uuid;

use crate::{
    customer::{Customer, send},
    system::System,
};

struct Holder<'s> {
    system: &'s System,
    customer: Customer,
    url: String,
}

impl Holder<'_> {
    /// Gets something from the console as the customer.
    async fn get(&self, path: &str, media_type: &str) -> String {
        let client = platform::http::client(Duration::from_secs(20)).unwrap();
        let request = client.request(Method::GET, format!("{}/console{path}", self.url));
        let request = request.header("X-Session-Uuid", &self.customer.session).header("Accept", media_type);
        let response = send(request).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.text
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.system.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// Runs `shipyard receipt verify`. Returns its exit code and its output.
    async fn verified(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.system.shipyard(&[&["receipt", "verify"][..], arguments].concat()).await;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout) + &text(output.stderr))
    }
}

/// Waits until a receipt has no open check, and returns it.
async fn whole(holder: &Holder<'_>, order: Uuid) -> String {
    let keys = read_key_set(holder.get("/.well-known/receipt-keys.json", "*/*").await.as_bytes()).unwrap();
    eventually(async || {
        let jws = holder.get(&format!("/api/orders/{order}/receipt"), MEDIA_TYPE).await;
        let SignedReceipt { checks, .. } = verify(&keys, &jws).unwrap().receipt;
        let is_whole = !checks.is_empty() && checks.iter().all(|check| check.state == CheckState::Held);
        if is_whole { Ok(jws) } else { Err(format!("{checks:?}")) }
    })
    .await
}

#[tokio::test]
async fn receipts_that_were_altered_or_signed_by_another_key_or_whose_order_was_edited_are_told_apart() {
    let system = System::start().await;
    let customer = Customer::new(&system).await;
    let part = customer.part("Thruster").await.uuid;
    let order = customer.order_to("Main Street", &part).await;
    customer.pay(order).await.success(200);
    eventually(async || (customer.find(order).await["delivery_status"] == "DELIVERED").then_some(())).await;
    let url = format!("http://{}", system.address(&console::SERVICE));
    let holder = Holder { system: &system, customer, url };
    let jws = whole(&holder, order).await;
    let page = holder.get(&format!("/api/orders/{order}/export"), "text/html").await;
    let keys = holder.get("/.well-known/receipt-keys.json", "*/*").await;

    let content = String::from_utf8(verified_content(&keys, &jws)).unwrap();
    let paid = record(order, OrderPaid::default()).uuid;
    assert!(content.contains(&format!("events.v1.OrderPaid {paid} of order")), "{content}");
    assert!(content.contains("payload sha256 ") && content.contains("order.paid/"), "{content}");
    for personal in [&*holder.customer.user.to_string(), &*holder.customer.login, "Main Street"] {
        assert!(!content.contains(personal), "{personal} is in {content}");
    }

    let keys = holder.file("keys.json", &keys);
    let valid = holder.file("receipt.jws", &jws);
    let saved = holder.file("order.html", &page);
    let middle = jws.len() / 2;
    let letter = if &jws[middle..=middle] == "A" { "B" } else { "A" };
    let altered = holder.file("altered.jws", &[&jws[..middle], letter, &jws[middle + 1..]].concat());
    let line = holder.file("line.html", &page.replacen("payload sha256 ", "payload sha257 ", 1));
    let other = SigningKey::generate().unwrap();
    let theirs = holder.file("theirs.json", &key_set(&[other.public().clone()]).to_string());
    for (arguments, code, says) in [
        (&[&*valid, "--jwks", &*keys][..], 0, "valid: order"),
        (&[&*saved, "--jwks", &*keys], 0, "valid: order"),
        (&[&*altered, "--jwks", &*keys], 1, "changed: "),
        (&[&*line, "--jwks", &*keys], 1, "the page lacks: "),
        (&[&*line], 1, "changed: "),
        (&[&*valid, "--jwks", &*theirs], 1, "another key: "),
        (&[&*valid], 2, "not checked: "),
        (&[&*keys, "--jwks", &*keys], 2, "is no signed receipt"),
    ] {
        let (exit, said) = holder.verified(arguments).await;
        assert!(exit == code && said.contains(says), "{arguments:?} ended with {exit}, not {code}: {said}");
    }

    let session = holder.file("session", &format!("{}\n", holder.customer.session));
    let against = [&*saved, "--against", &*holder.url, "--session-file", &*session];
    let (exit, said) = holder.verified(&against).await;
    assert!(exit == 0 && said.contains("the shop says the same now"), "{said}");
    let (exit, said) = holder.verified(&against[..3]).await;
    assert!(exit == 2 && said.contains("--session-file"), "{said}");

    let database = system.database(&order::SERVICE).await;
    let statement = "update orders set total_price = total_price + 1 where uuid = $1";
    sqlx::query(statement).bind(order).execute(&database).await.unwrap();
    database.close().await;
    // Operations keeps a receipt for a second.
    let said = eventually(async || {
        let (exit, said) = holder.verified(&against).await;
        if exit == 3 { Ok(said) } else { Err(said) }
    })
    .await;
    let named = |start: &str| said.lines().any(|line| line.starts_with(start) && line.contains(&order.to_string()));
    assert!(said.contains("follows this one") && named("- 1: ") && named("+ 1: "), "{said}");
    assert!(said.contains(": violated: "), "{said}");
}

fn verified_content(keys: &str, jws: &str) -> Vec<u8> {
    verify(&read_key_set(keys.as_bytes()).unwrap(), jws).unwrap().receipt.content().unwrap()
}
