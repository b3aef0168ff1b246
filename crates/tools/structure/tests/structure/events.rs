//! The catalogue of events, read as text: the file declares each event once, in the form of the macro `events!`.

use crate::tree::{read, root};

const CATALOGUE: &str = "crates/shared/contracts/src/events/catalogue.rs";

pub struct Declared {
    pub event: String,
    pub producer: String,
    pub consumers: Vec<String>,
}

pub fn declared() -> Vec<Declared> {
    let text = read(&root().join(CATALOGUE));
    let (_, table) = text.split_once("\nevents! {").expect("the catalogue declares events");
    let (table, _) = table.split_once("\n}\n").expect("the declarations end");
    let words: Vec<&str> = table.split(|letter: char| letter.is_whitespace()).filter(|word| !word.is_empty()).collect();
    let starts = words.iter().enumerate().filter(|(_, word)| **word == "topic:").map(|(n, _)| n);
    let declared = starts.map(|start| {
        let rest = words[start..].join(" ");
        let entry = rest.split_once('}').map_or(rest.as_str(), |(entry, _)| entry);
        let after = |key: &str| entry.split_once(key).map(|(_, rest)| rest).unwrap_or_default();
        let list = after("to: [").split(']').next().unwrap_or_default();
        Declared {
            event: words[start - 2].to_owned(),
            producer: after("from: ").split([',', ' ']).next().unwrap_or_default().to_owned(),
            consumers: list.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        }
    });
    declared.collect()
}

/// Returns the default names of all topics.
pub fn topics() -> Vec<String> {
    let text = read(&root().join(CATALOGUE));
    let names = ["topic: \"", "topic!(\"", "name: \""].map(|before| {
        let names = text.split(before).skip(1).filter_map(|rest| rest.split('"').next());
        names.map(str::to_owned).collect::<Vec<_>>()
    });
    names.concat()
}

/// Returns true if a service has rights at the broker: if the catalogue names it.
pub fn is_broker_user(name: &str) -> bool {
    let text = read(&root().join(CATALOGUE));
    let inbound = [format!("service: \"{name}\""), format!("Some(\"{name}\")")];
    inbound.iter().any(|place| text.contains(place))
        || declared().iter().any(|event| event.producer == name || event.consumers.iter().any(|one| one == name))
}

#[test]
fn the_catalogue_is_read() {
    let declared = declared();
    let updated = declared.iter().find(|event| event.event == "DeliveryStatusUpdated").expect("a status is updated");

    assert_eq!(
        (updated.producer.as_str(), &updated.consumers[..]),
        ("delivery", &["order", "notification"].map(str::to_owned)[..]),
        "add a new consumer of DeliveryStatusUpdated here, too"
    );
    assert!(["order.paid", "loan.approved", "orders"].iter().all(|name| topics().iter().any(|topic| topic == name)));
    assert!(["order", "intake", "console"].into_iter().all(is_broker_user) && !is_broker_user("geo"));
}
