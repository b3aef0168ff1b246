//! The names of the topics, which variables may change.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};

use super::{INBOUND, Published, ROUTES};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: &'static str,
    /// The environment variable for another name.
    pub variable: &'static str,
}

/// The configured names of all topics, in the order of the catalogue; those that outside programs write come last.
#[derive(Clone, Debug)]
pub struct Topics(Vec<(Topic, String)>);

impl Topics {
    fn named(mut name: impl FnMut(Topic) -> String) -> Self {
        let mut topics: Vec<Topic> = ROUTES.iter().map(|route| route.topic).collect();
        topics.extend(INBOUND.map(|inbound| inbound.topic));
        // Consecutive routes may share a topic.
        topics.dedup();
        Self(topics.into_iter().map(|topic| (topic, name(topic))).collect())
    }

    pub(super) fn name(&self, topic: Topic) -> &str {
        let own = self.0.iter().find(|(own, _)| *own == topic);
        own.map(|(_, name)| name.as_str()).expect("each topic is in the catalogue")
    }

    pub fn of<E: Published>(&self) -> &str {
        E::ROUTE.topic(self)
    }

    pub fn all(&self) -> Vec<&str> {
        self.variables().map(|(_, name)| name).collect()
    }

    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(topic, name)| (topic.variable, name.as_str()))
    }

    /// Replaces every name by `name(old name)`.
    #[must_use]
    pub fn renamed(self, name: impl Fn(String) -> String) -> Self {
        Self(self.0.into_iter().map(|(topic, old)| (topic, name(old))).collect())
    }
}

impl Default for Topics {
    fn default() -> Self {
        Self::named(|topic| topic.name.to_owned())
    }
}

/// Reads the variables; their names are in lower case, as in [`Settings`](platform::config::Settings).
impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut set = HashMap::<String, String>::deserialize(deserializer)?;
        Ok(Self::named(|topic| set.remove(&topic.variable.to_lowercase()).unwrap_or_else(|| topic.name.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use platform::config::Settings;

    use super::*;

    #[test]
    fn a_topic_has_the_name_of_its_variable_or_its_default_name() {
        let settings =
            Settings::from_variables([("ORDER_PAID_TOPIC_NAME", "paid".to_owned()), ("LOG_LEVEL", "info".to_owned())]);

        let topics: Topics = settings.read().unwrap();

        assert_eq!(topics.of::<crate::events::OrderPaid>(), "paid");
        assert_eq!(topics.of::<crate::events::OrderCreated>(), "order.created");
    }
}
