//! Message templates, built in and replaceable by files.

use std::{io::ErrorKind, path::Path};

use contracts::ids::OrderId;
use minijinja::{Environment, UndefinedBehavior, value::Serde};
use platform::config::ConfigError;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{client::Confirmation, model::Kind};

const VARIABLE: &str = "NOTIFICATION_TEMPLATES";
const START: &str = "start.txt";
const CONTACT: &str = "contact.txt";

fn file_of(kind: Kind) -> String {
    format!("{}.txt", kind.as_str())
}

#[derive(Clone)]
pub struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// Loads the built-in templates, or files of the same names in `directory`. Renders each once, so that an invalid
    /// template fails the start instead of a message.
    pub fn load(directory: Option<&Path>) -> Result<Self, ConfigError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
            return Err(ConfigError::new(VARIABLE, format!("{} is not a directory", directory.display())));
        }
        let replies = [
            (START.to_owned(), include_str!("../../templates/start.txt")),
            (CONTACT.to_owned(), include_str!("../../templates/contact.txt")),
        ];
        let notifications = Kind::ALL.map(|kind| (file_of(kind), kind.template()));
        for (name, built_in) in notifications.into_iter().chain(replies) {
            let source = match directory.map(|directory| std::fs::read_to_string(directory.join(&name))) {
                Some(Ok(source)) => source,
                Some(Err(error)) if error.kind() != ErrorKind::NotFound => return Err(invalid(&name, error)),
                _ => built_in.to_owned(),
            };
            environment.add_template_owned(name.clone(), source).map_err(|error| invalid(&name, error))?;
        }
        let templates = Self { environment };
        templates.check()?;
        Ok(templates)
    }

    pub fn notification(&self, kind: Kind, order: OrderId, facts: &Value) -> Result<String, minijinja::Error> {
        let mut facts = facts.as_object().cloned().unwrap_or_default();
        facts.insert("order_uuid".to_owned(), json!(order));
        self.render(&file_of(kind), &Value::Object(facts))
    }

    /// Renders the reply to `/start`.
    pub fn start(&self, chat: &str, first_name: &str) -> Result<String, minijinja::Error> {
        self.render(START, &json!({ "chat_id": chat, "first_name": first_name }))
    }

    /// Renders the reply to a code, according to its outcome.
    pub fn contact(&self, outcome: &str, chat: &str) -> Result<String, minijinja::Error> {
        self.render(CONTACT, &json!({ "outcome": outcome, "chat_id": chat }))
    }

    fn render(&self, name: &str, facts: &Value) -> Result<String, minijinja::Error> {
        let text = self.environment.get_template(name)?.render(Serde(facts))?;
        let text = text.trim();
        if text.is_empty() {
            return Err(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "the message is empty"));
        }
        Ok(text.to_owned())
    }

    fn check(&self) -> Result<(), ConfigError> {
        for kind in Kind::ALL {
            self.notification(kind, OrderId::new(Uuid::nil()), &kind.example())
                .map_err(|error| invalid(kind.as_str(), error))?;
        }
        self.start("1", "Ada").map_err(|error| invalid(START, error))?;
        for outcome in Confirmation::ALL.map(Confirmation::as_str).into_iter().chain([Confirmation::UNAVAILABLE]) {
            self.contact(outcome, "1").map_err(|error| invalid(CONTACT, error))?;
        }
        Ok(())
    }
}

fn invalid(name: &str, error: impl std::fmt::Display) -> ConfigError {
    ConfigError::new(VARIABLE, format!("the template {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> OrderId {
        OrderId::new(Uuid::nil())
    }

    fn built_in() -> Templates {
        Templates::load(None).unwrap()
    }

    #[test]
    fn each_reason_of_a_cancellation_has_its_own_text() {
        let text = |reason: &str, paid: bool| {
            let facts = json!({ "reason": reason, "paid": paid });
            let text = built_in().notification(Kind::OrderCancelled, order(), &facts).unwrap();
            text.lines().next().unwrap().to_owned()
        };

        assert_eq!(text("BY_USER", false), "Your order is cancelled.");
        assert_eq!(text("BY_USER", true), "Your order is cancelled. What you paid is on its way back to you.");
        assert_eq!(text("PAYMENT_DEADLINE", false), "Your order was not paid in time and is cancelled.");
        assert!(text("ASSEMBLY_FAILED", true).starts_with("We are sorry: your ship cannot be built"));
        assert!(text("OUT_OF_STOCK", true).starts_with("We are sorry: we have run out of a part"));
    }

    #[test]
    fn a_file_replaces_a_template() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ship_assembled.txt"), "Done in {{ build_time_sec }}.").unwrap();

        let templates = Templates::load(Some(directory.path())).unwrap();

        let text = templates.notification(Kind::ShipAssembled, order(), &json!({ "build_time_sec": 7 })).unwrap();
        assert_eq!(text, "Done in 7.");
        assert!(templates.start("1", "").unwrap().starts_with("Welcome"));
    }

    #[test]
    fn an_invalid_template_fails_the_start() {
        for source in ["{{ unknown }}", "{% if %}", "  "] {
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join("order_paid.txt"), source).unwrap();

            let error = Templates::load(Some(directory.path())).err().unwrap();

            assert_eq!(error.variable, VARIABLE);
            assert!(error.problem.contains("order_paid"), "{error}");
        }
        assert!(Templates::load(Some(Path::new("/nowhere"))).is_err());
    }
}
